"""Records of the views as text, one field a line: what Enter shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from console import words
from console.cells import SafeText, printable

Record = Mapping[str, Any]
"""A row of a view by its column names."""


def short_subject(subject: str) -> SafeText:
    """A subject as the eye needs it: of a long id of digits and letters, the first eight."""
    return printable(subject[:8] if len(subject) > 24 and subject.isalnum() else subject, limit=40)


def fields_text(record: Record) -> SafeText:
    """Every field of a record; times in UTC, floats to six digits."""
    size = max((len(name) for name in record), default=0)
    return SafeText("\n".join(f"{printable(name):{size}}  {_value(value)}" for name, value in record.items()))


def finding_text(finding: Record) -> SafeText:
    """A finding whole: its fields, then evidence and features one value a line."""
    parts = [fields_text({k: v for k, v in finding.items() if k not in {"evidence", "features"}})]
    parts += [
        printable(f"\n{name}\n{pretty(finding[name])}", lines=True)
        for name in ("evidence", "features")
        if finding.get(name)
    ]
    if finding.get("model") == "n1-detector":
        parts.insert(1, printable(_ways_out(finding), lines=True))
    return SafeText("\n".join(parts))


def _ways_out(finding: Record) -> str:
    """What to change about the loops of an N+1 finding: SQL for all rows, the call of each stack, or what to cache."""
    from engine.n1.advice import advice

    told = advice(finding.get("evidence"))
    return f"\nways out\n{told}" if told else ""


def pretty(text: str | None) -> str:
    """JSON text with one field a line; any other text as it is."""
    try:
        return json.dumps(json.loads(text or ""), indent=2, ensure_ascii=False)
    except ValueError:
        return text or ""


def _value(value: object) -> SafeText:
    if isinstance(value, datetime):
        return words.stamp(value)
    return words.UNKNOWN if value is None else printable(f"{value:.6g}" if isinstance(value, float) else value)
