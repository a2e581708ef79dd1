"""When a periodic job is due: slots are multiples of its interval since 1970 in UTC, a pure function of the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_GRACE = timedelta(minutes=15)
MOST_MISSED = 10_000
"""Slots written down as missed after a long pause; more would only fill the disk."""


@dataclass(frozen=True, slots=True)
class Job:
    """A periodic job; `run` returns what it did, as values that JSON can hold.

    One that `catches_up` makes up once for slots it missed; another waits for its next slot.
    """

    name: str
    every: timedelta
    run: Callable[[], Mapping[str, Any]]
    catches_up: bool = False
    about: str = ""

    @property
    def timeout(self) -> timedelta:
        """How long one run may take: 0.8 of the interval, so that the next slot finds it done."""
        return self.every * 0.8

    @property
    def grace(self) -> timedelta:
        """How late a slot is still run as itself."""
        return min(self.every / 2, MAX_GRACE)


def slot(moment: datetime, every: timedelta) -> datetime:
    """The slot that `moment` lies in: the newest one that is due."""
    return EPOCH + (moment - EPOCH) // every * every


def next_slot(moment: datetime, every: timedelta) -> datetime:
    """The first slot after `moment`."""
    return slot(moment, every) + every


def missed(last: datetime, until: datetime, every: timedelta) -> list[datetime]:
    """The slots strictly between two slots, the newest ones if there are too many to write down."""
    count = max(0, (until - last) // every - 1)
    first = max(1, count - MOST_MISSED + 1)
    return [last + every * i for i in range(first, count + 1)]
