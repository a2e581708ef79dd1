"""What keeps the user interface even is set once, and made worse for nobody."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from console.settling import TURN_S, YOUNGER_LOOKS, keep_even


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The interpreter is given back as it was."""
    turn_s, looks = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(turn_s)
    gc.set_threshold(*looks)


def test_threads_take_short_turns_and_everything_is_rarely_looked_through() -> None:
    sys.setswitchinterval(0.005)
    gc.set_threshold(700, 10, 10)
    keep_even()
    assert sys.getswitchinterval() == pytest.approx(TURN_S)
    assert gc.get_threshold() == (700, 10, YOUNGER_LOOKS)


def test_turns_that_are_shorter_stay() -> None:
    sys.setswitchinterval(0.0001)
    before_s = sys.getswitchinterval()
    keep_even()
    assert sys.getswitchinterval() == before_s
