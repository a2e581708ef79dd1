"""Charts are as large as asked, and show the limit and what happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.cells import join, printable, width
from console.theme import ASCII, UNICODE
from console.widgets.charts import Mark, Series, over_time, trend

START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + timedelta(hours=1)
VALUES = st.lists(st.floats(0, 1), max_size=80)


def series(values: list[float], *, limit: float = 0.9, mark: bool = True) -> Series:
    points = [(START + timedelta(minutes=i % 60), v) for i, v in enumerate(values)]
    marks = [Mark(START + timedelta(minutes=40), printable("deploy 1.1.0"))] if mark else []
    return Series(points, limit, START, END, marks)


@given(VALUES, st.floats(0, 1), st.integers(16, 200), st.integers(4, 40), st.booleans())
def test_a_chart_is_exactly_as_large_as_asked(
    values: list[float], limit: float, columns: int, rows: int, plain: bool
) -> None:
    lines = over_time(series(values, limit=limit), columns, rows, ASCII if plain else UNICODE)
    assert len(lines) == rows
    assert {sum(width(c.text) for c in line) for line in lines[1:-1]} == {columns}
    assert max(sum(width(c.text) for c in line) for line in lines) <= columns


def test_where_there_is_no_room_there_is_no_chart() -> None:
    assert over_time(series([0.5]), 12, 10, UNICODE) == []
    assert over_time(series([0.5]), 80, 2, UNICODE) == []


def test_the_limit_and_the_deployment_are_drawn() -> None:
    text = join(over_time(series([0.95] * 30 + [0.8] * 30), 80, 9, UNICODE))
    assert "0.90┤" in text
    assert "┈" in text
    assert "┊deploy 1.1.0" in text
    assert "00:00" in text
    assert "01:00" in text


def test_a_fall_under_the_limit_has_another_tone() -> None:
    tones = {c.tone for line in over_time(series([0.95] * 30 + [0.6] * 30), 80, 9, UNICODE) for c in line}
    assert {"good", "bad"} <= {str(t) for t in tones}


def test_plain_ascii_needs_no_unicode() -> None:
    assert join(over_time(series([0.95, 0.7], mark=False), 60, 8, ASCII)).isascii()


def test_a_trend_rises_from_zero_and_leaves_the_unknown_blank() -> None:
    assert trend([None, 0, 4, 8], UNICODE) == " ▁▅█"
    assert trend([0, 0], UNICODE) == "▁▁"
    assert trend([], UNICODE) == ""
