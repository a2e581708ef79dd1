"""Numbers and times in the words of the screen. A value that is not known is an en dash, never a zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from console.cells import SafeText, printable

UNKNOWN = SafeText("–")


def rate(value: float | None, digits: int = 3) -> SafeText:
    """A rate of 0..1, e.g. `0.871`."""
    return UNKNOWN if value is None else SafeText(f"{value:.{digits}f}")


def count(value: float | None) -> SafeText:
    """A count with its thousands apart, e.g. `1,204`."""
    return UNKNOWN if value is None else SafeText(f"{value:,.0f}")


def milliseconds(value: float | None) -> SafeText:
    """A duration in the unit that reads best, e.g. `41 ms`, `12.8 s`."""
    if value is None:
        return UNKNOWN
    if value < 10:
        return SafeText(f"{value:.1f} ms")
    return SafeText(f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s")


def span(value: timedelta) -> SafeText:
    """A length of time in one unit, e.g. `42 min`, `19 d`."""
    seconds = max(0, int(value.total_seconds()))
    for unit, size, least in (("d", 86_400, 2 * 86_400), ("h", 3_600, 2 * 3_600), ("min", 60, 120)):
        if seconds >= least:
            return SafeText(f"{seconds // size} {unit}")
    return SafeText(f"{seconds} s")


def clock(value: datetime | None) -> SafeText:
    """A moment of today as time in UTC, e.g. `02:14:07`."""
    return UNKNOWN if value is None else SafeText(value.astimezone(UTC).strftime("%H:%M:%S"))


def moment(value: datetime | None, now: datetime) -> SafeText:
    """A moment in UTC: time alone if it is of `now`'s day, else month, day and time."""
    if value is None:
        return UNKNOWN
    there = value.astimezone(UTC)
    same = there.date() == now.astimezone(UTC).date()
    return SafeText(there.strftime("%H:%M:%S" if same else "%m-%d %H:%M"))


def stamp(value: datetime | None) -> SafeText:
    """A moment whole, in UTC, to the second."""
    return UNKNOWN if value is None else SafeText(value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))


def setting(value: object) -> SafeText:
    """A setting's value; numbers without their trailing noise."""
    return printable(f"{value:g}" if isinstance(value, float) else "unset" if value is None else value)
