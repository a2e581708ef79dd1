"""What every rule says now, asked without changing anything: for who writes rules, or wonders why it is quiet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.alert_rules import Rule, Seen
from engine.alerts import RULE_ERROR, ask, hold
from storage.sql import Reader


def answers(reader: Reader, rules: Sequence[Rule], now: datetime) -> list[dict[str, Any]]:
    """A row a rule and cause: `says` is bad, clear or between, or error for a rule that cannot be asked.

    A rule that knows no cause at all (nothing deployed, no job yet) has one row that says `no cause`.
    """
    with reader.connect("\n".join(rule.query for rule in rules)) as connection:
        hold(connection)
        return [row for rule in rules for row in _rows(rule, ask(connection, rule, now))]


def _rows(rule: Rule, said: Sequence[Seen]) -> list[dict[str, Any]]:
    known = [one for one in said if one.rule is not RULE_ERROR or one.bad]
    if not known:
        return [_row(rule, rule.severity, "no cause", rule.title)]
    return [
        _row(rule, one.severity, _says(one), one.summary if one.bad else rule.title)
        | {"model": one.model, "environment": one.environment, "subject": one.subject, "value": one.value,
           "limit": one.limit, "n": one.n}
        for one in known
    ]  # fmt: skip


def _says(one: Seen) -> str:
    if one.rule is RULE_ERROR:
        return "error"
    return "bad" if one.bad else "clear" if one.clear else "between"


def _row(rule: Rule, severity: str, says: str, summary: str) -> dict[str, Any]:
    return {
        "rule": rule.name, "job": rule.job, "severity": severity, "model": None, "environment": None, "subject": "",
        "says": says, "value": None, "limit": None, "n": None, "summary": summary,
    }  # fmt: skip
