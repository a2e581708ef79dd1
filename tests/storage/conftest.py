"""Fixtures of the tests that land logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.lake import Lake
from tests.storage.rotating import Make, Watched


@pytest.fixture(params=["alive", "killed"])
def watched(request: pytest.FixtureRequest, lake: Lake, tmp_path: Path) -> Iterator[Make]:
    """Makes a followed folder `logs` of a file pattern, once for each way of `Watched`; `polling` by name."""
    made: list[Watched] = []
    (tmp_path / "logs").mkdir()

    def make(pattern: str) -> Watched:
        made.append(Watched(lake, tmp_path / "logs", pattern, request.param))
        return made[-1]

    yield make
    for item in made:
        item.stop()
