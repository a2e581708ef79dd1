"""The filter: what is typed never raises, never runs away, and says what it means."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.widgets.filter import parse


@dataclass
class Item:
    text: str


ITEMS = [Item("GET /Checkout 200"), Item("POST /login 500"), Item("SELECT 1")]


def found(typed: str) -> list[str]:
    return [item.text for item in parse(typed).of(ITEMS)]


def test_small_letters_match_both_cases() -> None:
    assert found("checkout") == ["GET /Checkout 200"]


def test_a_capital_makes_case_count() -> None:
    assert found("Select") == []
    assert found("SELECT") == ["SELECT 1"]


def test_an_exclamation_mark_inverts() -> None:
    assert found("!get|post") == ["SELECT 1"]


@pytest.mark.parametrize("typed", ["", "!"])
def test_nothing_typed_hides_nothing(typed: str) -> None:
    assert len(found(typed)) == 3


@pytest.mark.parametrize("typed", ["(", "[a", "*", "a{2,1}", "(?P<"])
def test_a_wrong_pattern_says_so_and_hides_nothing(typed: str) -> None:
    assert parse(typed).problem
    assert len(found(typed)) == 3


@given(st.text(max_size=30))
def test_no_pattern_raises(typed: str) -> None:
    parse(typed).of(ITEMS)


def test_a_pattern_that_would_backtrack_for_ever_is_linear() -> None:
    assert parse("(a+)+$").of([Item("a" * 200_000 + "b")]) == []
