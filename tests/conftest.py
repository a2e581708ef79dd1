"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.home import Home
from storage.lake import Lake


class HeldClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        """Move on by a `timedelta(**span)`."""
        self.moment += timedelta(**span)


@pytest.fixture
def clock() -> HeldClock:
    """2026-03-02 09:00 UTC, held."""
    return HeldClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest.fixture
def lake(tmp_path: Path, clock: HeldClock) -> Iterator[Lake]:
    """An empty lake in a home of its own."""
    opened = Lake.open(Home(tmp_path / "home"), clock)
    yield opened
    opened.ledger.close()
