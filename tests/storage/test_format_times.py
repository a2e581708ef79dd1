"""Times as logs write them become UTC; what cannot be a time becomes null, never another time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.format import Context
from storage.formats import _times

UNKNOWN = Context()
MOMENT = datetime(2026, 3, 2, 9, 0, 0, 123_456, tzinfo=UTC)


def one(text: str, context: Context = UNKNOWN) -> datetime | None:
    """`text` as a moment."""
    moment: datetime | None = _times.anything(pl.Series([text], dtype=pl.String), context)[0]
    return moment


@pytest.mark.parametrize(
    "text",
    ["2026-03-02T09:00:00.123456Z", "2026-03-02T09:00:00.123456789Z", "2026-03-02 10:00:00,123456 +0100",
     "2026-03-02 09:00:00.123456 UTC", "2026-03-02 04:00:00.123456 EST", "2026/03/02 09:00:00.123456",
     "[2026-03-02 10:00:00.123456+01]", "2026-03-02T14:30:00.123456 IST", "1772442000.123456", "1772442000123456"],
)  # fmt: skip
def test_every_form_tells_the_same_moment(text: str) -> None:
    """ISO and its relatives, zone names, no zone at all, epoch numbers."""
    assert one(text) == MOMENT


@pytest.mark.parametrize(
    "text", ["", "-", "yesterday", "2026-13-02T09:00:00Z", "2026-03-02T25:00:00Z", "2026-03-02 09:00:00 XYZT", "1e400",
             "NaN", "-5", "9" * 40, "99999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"],
)  # fmt: skip
def test_what_is_no_time_is_null(text: str) -> None:
    """Impossible dates, unknown zones, numbers out of range and times outside 1970 to 2199."""
    assert one(text) is None


def test_a_time_without_a_zone_is_in_the_context_s() -> None:
    """Summer time of the zone named is taken off; an hour that never was is null."""
    berlin = Context(time_zone="Europe/Berlin")
    assert one("2026-07-01 12:00:00", berlin) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert one("2026-03-29 02:30:00", berlin) is None


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2199, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_any_moment_in_any_zone_is_read_back(moment: datetime, offset_min: int) -> None:
    """What Python writes in ISO 8601 is the same moment here, to the microsecond; so is its epoch number."""
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    assert one(zoned.isoformat()) == zoned
    micros = (zoned - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if micros > 100_000_000_000_000:
        assert one(str(micros)) == zoned
