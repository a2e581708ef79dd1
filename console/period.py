"""Spans and moments as people type them: `90days`, `2h`, `1 week ago`, `2026-03-01`, `2026-03-01T09:00Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from storage.errors import UsageError

_UNITS = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3_600, "hour": 3_600, "d": 86_400,
    "day": 86_400, "w": 604_800, "week": 604_800, "month": 2_592_000, "year": 31_536_000,
}  # fmt: skip
_SPAN = re.compile(r"\s*(\d{1,6}(?:\.\d{1,3})?)\s*([a-z]+)\s*", re.I)


def span(text: str) -> timedelta:
    """A length of time: a number and a unit (s, min, h, days, weeks, months of 30 days, years). Raises UsageError.

    >>> span("90days"), span("1.5 h")
    (datetime.timedelta(days=90), datetime.timedelta(seconds=5400))
    """
    found = _SPAN.fullmatch(text)
    unit = found.group(2).lower() if found else ""
    unit = unit.removesuffix("s") if len(unit) > 2 else unit
    if found is None or unit not in _UNITS:
        raise UsageError(f"{text!r} is no length of time; say it like 90days, 12h or 2weeks")
    return timedelta(seconds=float(found.group(1)) * _UNITS[unit])


def since(text: str, now: datetime) -> datetime:
    """A moment in the past: a span (`1 week ago`, `7days`), a date, or RFC 3339. UTC where no zone is given.

    Raises UsageError.
    """
    word = text.strip().lower().removesuffix("ago").strip()
    if word == "yesterday":
        return now - timedelta(days=1)
    if _SPAN.fullmatch(word):
        return now - span(word)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{text!r} is no moment; say '1 week ago', 7days, 2026-03-01 or 2026-03-01T09:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def report_days(days: int | None, *, week: bool, month: bool, default: int) -> int:
    """How many days a report covers, from `--days`, `--last-week` or `--last-month`. Raises UsageError for two."""
    said = [n for n in (days, 7 if week else None, 30 if month else None) if n is not None]
    if len(said) > 1:
        raise UsageError("say one of --days, --last-week, --last-month")
    return said[0] if said else default
