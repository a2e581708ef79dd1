"""What to do about a finding, as text for people: `engine.n1.suggestions` of each loop in the evidence of a verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine.n1.suggestions import Suggestion, suggest

MOST_LOOPS = 3
"""Loops of a trace that are advised on, the surest first; the others mostly go with them."""


def advice(evidence: str | None, dialect: str = "postgres") -> str:
    """Ways out of the loops that a verdict of n1-detector tells; empty where it tells none."""
    try:
        told = json.loads(evidence or "")
    except ValueError:
        return ""
    groups = told.get("groups") if isinstance(told, dict) else None
    if not isinstance(groups, list):
        return ""
    loops = [g for g in groups if isinstance(g, dict) and (g.get("probability") or 0.0) >= 0.5 and g.get("template")]
    return "\n\n".join(loop_advice(group, dialect) for group in loops[:MOST_LOOPS])


def loop_advice(group: Mapping[str, Any], dialect: str = "postgres") -> str:
    """Ways out of one loop, a paragraph each."""
    ways = suggest(group, dialect)
    head = f"{group.get('count')} x {group['template']}"
    return "\n".join([head, *(_told(way) for way in ways)]) if ways else f"{head}\n  no rewrite is safe to propose"


def rows(group: Mapping[str, Any], dialect: str = "postgres") -> list[dict[str, Any]]:
    """The same for machines: a row a way out; an eager-loading call is a row a stack."""
    found: list[dict[str, Any]] = []
    for way in suggest(group, dialect):
        plain = {"kind": way.kind, "why": way.why, "stack": None, "change": way.sql, "ttl_s": way.ttl_s}
        if way.key is not None:
            plain["change"] = way.key
        found += [plain | {"stack": stack, "change": call} for stack, call in way.calls.items()] or [plain]
    return found


def _told(way: Suggestion) -> str:
    lines = [f"  {way.kind}: {way.why}"]
    if way.sql:
        lines += [f"    {line}" for line in way.sql.splitlines()]
    lines += [f"    {stack}: {call}" for stack, call in way.calls.items()]
    if way.key is not None:
        lines.append(f"    key {way.key}, for {way.ttl_s} s")
    return "\n".join(lines)
