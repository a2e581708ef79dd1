"""Nothing that acts on a terminal comes through the door."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cells import cell, fit, join, printable, to_content, to_text, width

ANY_TEXT = st.text(st.characters(), max_size=200)
HARMLESS = {"Zs"}


def acts(char: str) -> bool:
    """Whether a character could act on a terminal or hide in it."""
    return not char.isprintable() and unicodedata.category(char) not in HARMLESS


@given(ANY_TEXT)
def test_what_comes_out_only_shows(text: str) -> None:
    assert not [c for c in printable(text) if acts(c)]


@given(ANY_TEXT)
def test_lines_keep_their_line_feeds_and_nothing_else(text: str) -> None:
    assert not [c for c in printable(text, lines=True) if acts(c) and c != "\n"]


@given(ANY_TEXT)
def test_what_went_through_once_goes_through_unchanged(text: str) -> None:
    assert printable(printable(text)) == printable(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=100))
def test_harmless_text_is_left_alone(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J", "␛[2J"), ("\x00", "␀"), ("\x7f", "␡"), ("\x9b31m", "\\x9b31m"), ("a\tb", "a    b"),
        ("a\nb", "a␊b"), ("\u202eabc", "\\u202eabc"), ("\u200b", "\\u200b"), ("\ufeff", "\\ufeff"),
        ("\udcff", "\\xff"), ("\ud800", "\\ud800"), ("\U000e0041", "\\U000e0041"), ("日本 ▌", "日本 ▌"),
    ],
)  # fmt: skip
def test_each_dangerous_character_has_a_stand_in(raw: str, shown: str) -> None:
    assert printable(raw) == shown


def test_every_byte_becomes_something_that_shows() -> None:
    assert not [c for c in printable(bytes(range(256)).decode("latin-1")) if acts(c)]


def test_of_a_long_text_the_rest_is_counted() -> None:
    assert printable("x" * 1_000_000, limit=5) == "xxxxx…+999995"


@given(ANY_TEXT, st.integers(1, 40))
def test_a_fitted_text_is_exactly_as_wide_as_asked(text: str, columns: int) -> None:
    assert width(fit(printable(text), columns)) == columns


@pytest.mark.parametrize("markup", ["[red]x[/red]", "[/]", "[@click=app.quit]x", "[b + ", "\\[", "$x"])
def test_markup_stays_text(markup: str) -> None:
    assert to_text(printable(markup)).plain == markup
    assert to_content(printable(markup)).plain == markup
    assert join([(cell(markup),)]) == markup.rstrip()
