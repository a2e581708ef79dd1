"""What rules would have said at past moments: a rule's `history` answers for every row of the table `looks` at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import polars as pl

from engine.alert_rules import Rule, seen
from engine.simulation import SIMULATED, Answer
from storage.errors import QueryError
from storage.sql import Reader, one_line, to_frame


@dataclass(frozen=True, slots=True)
class History:
    """The answers of rules in the past, and the names of those that history cannot answer."""

    answers: list[Answer]
    unanswered: tuple[str, ...]


def history(reader: Reader, rules: Sequence[Rule], since: datetime, until: datetime, step: timedelta) -> History:
    """What `rules` would have said at each `step` after `since` up to `until`. Raises QueryError naming a rule."""
    asked = [rule for rule in rules if rule.history and rule.name not in SIMULATED]
    first = pl.Series([since]).dt.truncate(step).item()
    looks = pl.DataFrame({"ts": pl.datetime_range(first, until + step, step, closed="right", eager=True)})
    found: list[Answer] = []
    with reader.connect("\n".join(rule.history for rule in asked)) as connection:
        connection.register("looks", looks.to_arrow())
        for rule in asked:
            found += _answers(connection, rule)
    told = {*SIMULATED, *(rule.name for rule in asked)}
    return History(found, tuple(rule.name for rule in rules if rule.name not in told))


def _answers(connection: duckdb.DuckDBPyConnection, rule: Rule) -> list[Answer]:
    try:
        rows = to_frame(connection.sql(rule.history, params=rule.bound_history()))
        return [(row["ts"], seen(rule, row)) for row in rows.iter_rows(named=True)]
    except (duckdb.Error, ValueError, TypeError, KeyError) as error:
        raise QueryError(f"the history of rule {rule.name} cannot be asked: {one_line(error)}") from error
