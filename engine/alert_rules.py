"""What raises an alert: rules in TOML, each a question to a view.

A rule's query returns a row for each cause that it knows: `model`, `environment`, `subject` name the cause, `bad` says
that the condition holds, `clear` that it is safely over (default: not bad), `value`, `limit_value` and `n` are shown.
`$now` in a query is the moment of the look.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Any

from storage.errors import ConfigError

SEVERITIES = ("info", "warning", "critical")
NOW = "now"
_SETTING = re.compile(r"\$([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """When to alert, how long to wait before and after, and what to say."""

    name: str
    title: str
    query: str
    message: str
    """A format string over the columns of the query's row."""
    severity: str = "warning"
    """info, warning, critical, or `model` to take it from the row's column `severity`."""
    job: str = "ml-performance-monitoring"
    """The periodic job that asks."""
    for_evaluations: int = 1
    """How often in a row the condition must hold before it fires,"""
    for_minutes: float = 0.0
    """and for how long."""
    keep_minutes: float = 30.0
    """How long it must be over before it is resolved."""
    expire_hours: float = 24.0
    """After how long without an answer about its cause an alert is given up as expired."""
    repeat_hours: float = 24.0
    """After how long an alert that still fires and that nobody acknowledged is told again; 0 for never."""
    again_hours: float = 0.0
    """When a cause was told so shortly ago, its next alert waits for the digest: an attack every hour is one notice."""
    inhibited_by: tuple[str, ...] = ()
    """Rules whose alert of the same cause says enough: while it fires, nobody is told of this one."""
    look: str = ""
    """The command that shows more; a format string."""
    history: str = ""
    """The query for every moment `ts` of the table `looks` at once, for `engine.simulation`; none: it cannot be."""
    runbook: str = ""
    """A heading of docs/runbook.md."""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def bound(self, now: datetime) -> dict[str, Any]:
        """The settings that the query names, and the moment `now` if it names it."""
        return self._named(self.query, now)

    def bound_history(self) -> dict[str, Any]:
        """The settings that the history names."""
        return self._named(self.history, None)

    def _named(self, query: str, now: datetime | None) -> dict[str, Any]:
        known = {**self.settings, NOW: now}
        return {name: known[name] for name in dict.fromkeys(_SETTING.findall(query))}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule said of one cause."""

    rule: Rule
    severity: str
    model: str | None
    environment: str | None
    subject: str
    bad: bool
    clear: bool
    value: float | None
    limit: float | None
    n: int | None
    summary: str

    @property
    def key(self) -> str:
        """One per cause: the rule and what names the cause, never a value, version or time."""
        labels = "\x1f".join((self.rule.name, self.model or "", self.environment or "", self.subject))
        return hashlib.sha256(labels.encode()).hexdigest()[:16]


def seen(rule: Rule, row: Mapping[str, Any]) -> Seen:
    """A row of a rule's answer."""
    bad = bool(row.get("bad"))
    clear = row.get("clear")
    severity = str(row.get("severity") or "warning") if rule.severity == "model" else rule.severity
    return Seen(
        rule, severity, row.get("model"), row.get("environment"), str(row.get("subject") or ""), bad,
        not bad if clear is None else bool(clear) and not bad, row.get("value"), row.get("limit_value"), row.get("n"),
        fill(rule.message, row),
    )  # fmt: skip


def fill(template: str, row: Mapping[str, Any]) -> str:
    """The template with the row's values; what is null or not there reads `-`."""
    return template.format_map(_Cells({name: _Cell(value) for name, value in row.items()}))


class _Cell:
    """A value in a template: null has no digits to format."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __format__(self, spec: str) -> str:
        if self._value is None:
            return "-"
        if isinstance(self._value, datetime):
            return f"{self._value:%Y-%m-%d %H:%M} UTC"
        return format(self._value, spec)


class _Cells(dict[str, _Cell]):
    def __missing__(self, key: str) -> _Cell:
        return _Cell(None)


def _is_plain(template: str) -> bool:
    """Whether a template names whole columns only, so that it reaches no attribute or item of a value."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        return False
    return all(name is None or name.isidentifier() for _, name, _, _ in parts)


@functools.cache
def default_rules() -> tuple[Rule, ...]:
    """The rules that come with watchroom: `engine/rules/*.toml`."""
    folder = importlib.resources.files("engine") / "rules"
    found: list[Rule] = []
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            found += parse_rules(file.read_text(encoding="utf-8"), file.name)
    return tuple(found)


def load_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """The default rules, with those of the file at `path` added or in place of the ones of the same name."""
    if path is None or not path.exists():
        return default_rules()
    try:
        own = parse_rules(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return tuple({rule.name: rule for rule in (*default_rules(), *own)}.values())


def parse_rules(text: str, name: str) -> list[Rule]:
    """The rules of a TOML text; `name` says in errors where it came from. Raises ConfigError."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: {error}") from error
    for key in content.keys() - {"rule", "test"}:
        raise ConfigError(f"{name}: unknown key {key!r}; rules are [[rule]] tables, their tests [[test]]")
    return [_parse(entry, name) for entry in content.get("rule", [])]


def _parse(entry: Mapping[str, Any], name: str) -> Rule:
    known = {f.name: f for f in fields(Rule)}
    where = f"{name}: rule {entry.get('name', '?')!r}"
    for key in entry:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise ConfigError(f"{where} has the unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    for key in ("name", "title", "query", "message"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise ConfigError(f"{where} needs {key!r}")
    inhibited_by = entry.get("inhibited_by", [])
    if not isinstance(inhibited_by, list) or not all(isinstance(other, str) for other in inhibited_by):
        raise ConfigError(f"{where}: inhibited_by is a list of rules")
    history = str(entry.get("history", "")).strip()
    rule = Rule(**{**entry, "query": entry["query"].strip(), "history": history, "inhibited_by": tuple(inhibited_by)})
    if rule.severity not in (*SEVERITIES, "model"):
        raise ConfigError(f"{where}: severity is info, warning, critical or model, not {rule.severity!r}")
    for key in ("for_evaluations", "for_minutes", "keep_minutes", "expire_hours", "repeat_hours", "again_hours"):
        value = getattr(rule, key)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ConfigError(f"{where}: {key} must be a number of at least 0, not {value!r}")
    for key in ("message", "look"):
        if not _is_plain(getattr(rule, key)):
            raise ConfigError(f"{where}: {key} names columns as {{column}} or {{column:.2f}} and nothing else")
    for what, asked, given in (("query", rule.query, {NOW}), ("history", rule.history, set[str]())):
        missing = set(_SETTING.findall(asked)) - rule.settings.keys() - given
        if missing:
            raise ConfigError(f"{where}: its {what} asks for ${min(missing)}, which is not under settings")
    return rule
