"""A table on a terminal: what is read first is never lost, and nothing is wider than it if that can be helped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.fitting import LONG_TEXT_COLUMNS, TEXT_COLUMNS, fitted

COLUMNS = st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=12)


@given(COLUMNS, st.integers(30, 200))
def test_it_fits_or_one_column_is_all_there_is(columns: list[tuple[int, bool]], room: int) -> None:
    widths, is_text = [w for w, _ in columns], [t for _, t in columns]
    how = fitted(widths, is_text, room)
    assert list(how.kept) == sorted(how.kept) and how.kept
    assert sum(how.widths) + how.gap * (len(how.kept) - 1) <= room or len(how.kept) == 1
    for i, width in zip(how.kept, how.widths, strict=True):
        assert width == widths[i] if not is_text[i] else width >= min(widths[i], TEXT_COLUMNS)
    assert how.is_cut == any(w < widths[i] for i, w in zip(how.kept, how.widths, strict=True))
    longest = max((w for w, text in columns if text), default=0)
    if longest:
        kept = [w for i, w in zip(how.kept, how.widths, strict=True) if is_text[i] and widths[i] == longest]
        assert max(kept) >= min(longest, LONG_TEXT_COLUMNS)


def test_room_enough_changes_nothing() -> None:
    how = fitted([5, 10, 3], [True, True, False], 22)
    assert (how.kept, how.widths, how.gap, how.is_cut) == ([0, 1, 2], [5, 10, 3], 2, False)


def test_columns_are_left_out_from_the_end_but_never_the_longest_text() -> None:
    how = fitted([20, 9, 9, 60], [False, False, False, True], 50)
    assert how.kept == [0, 3]
