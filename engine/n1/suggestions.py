"""What to change about a finding: SQL for all rows at once, the eager-loading call of six object mappers, or a cache.

Made when somebody looks at a finding, never while judging.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.n1 import eager, model, rewrites
from engine.n1.statements import Statement, understand

Kind = Literal["join", "batch", "eager load", "cache"]

REFERENCE_TTL_S = 300
"""How long to keep settings and the like: they change by an admin's hand, and five minutes late is soon enough."""
ROW_TTL_S = 30
"""How long to keep a row that one trace asks for again and again: it may change any moment, so mostly while a request
lasts."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way out: `why` in a sentence, and of `sql`, `calls` by stack, a cache's `key` and `ttl_s` what it has."""

    kind: Kind
    why: str
    sql: str | None = None
    calls: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    ttl_s: int | None = None


def suggest(group: Mapping[str, Any], dialect: str = "postgres") -> list[Suggestion]:
    """Ways out of a loop as the evidence tells it (`template`, `parent`, `count`, `distinct_params`), the best first.

    `dialect` is sqlglot's name of the database. A query repeated with the same values is cached, not rewritten.
    """
    template, parent = str(group["template"]), group.get("parent")
    child = understand(template)
    source = understand(str(parent)) if parent else None
    count, different = int(group.get("count") or 0), group.get("distinct_params")
    if different == 1:
        return [_cache(child, f"asked {count} times with the same values")]
    ways = [_joined(template, str(parent), dialect)] if parent else []
    ways += [_batched(template, dialect), _loaded(child, source)]
    found = [way for way in ways if way is not None]
    if _reference(child):
        return [_cache(child, f"{count} look-ups by name of what rarely changes"), *found]
    if different is not None and count >= 2 * int(different):
        found.append(_cache(child, f"{count} statements for {different} different values"))
    return found


def _joined(template: str, parent: str, dialect: str) -> Suggestion | None:
    sql = rewrites.join(template, parent, dialect)
    return Suggestion("join", "one statement for the list and what belongs to it", sql=sql) if sql else None


def _batched(template: str, dialect: str) -> Suggestion | None:
    sql = rewrites.batch(template, dialect)
    return (
        Suggestion("batch", "one statement for the keys of all rows, some hundred at a time", sql=sql) if sql else None
    )


def _loaded(child: Statement, source: Statement | None) -> Suggestion | None:
    if not child.table or not child.key:
        return None
    asks = eager.relation(child, source)
    why = "load the rows by their keys in one call" if asks == "by keys" else "let the query of the list load it"
    return Suggestion("eager load", why, calls=eager.calls(child, source))


def _cache(child: Statement, why: str) -> Suggestion:
    """Where to keep the answer: by table and key, and for how long."""
    table = child.table or "statement"
    key = f"{table}:{child.key}:{{{child.key}}}" if child.key else f"{table}:{{parameters}}"
    return Suggestion("cache", why, key=key, ttl_s=REFERENCE_TTL_S if _reference(child) else ROW_TTL_S)


def _reference(child: Statement) -> bool:
    """Whether a statement looks up settings or the like by name."""
    return child.key_kind == "natural" and model.holds_settings(child.table)
