"""Charts of cells: a line over time against a limit, and one-line trends. Pure functions of numbers and a size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from console.cells import EMPTY, Cell, Line, SafeText, Tone, cell
from console.theme import Glyphs

_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille cell, by row and column."""

LABEL_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a time, drawn as an upright line with words at its head."""

    ts: datetime
    words: SafeText


@dataclass(frozen=True, slots=True)
class Series:
    """Values (0..1) over time, oldest first, with the limit they are held against and what happened meanwhile."""

    points: Sequence[tuple[datetime, float]]
    limit: float
    start: datetime
    end: datetime
    marks: Sequence[Mark] = field(default=())


def trend(values: Sequence[float | None], glyphs: Glyphs) -> SafeText:
    """Values as a row of bars from zero to their greatest; a value that is not known is a blank."""
    top = max((v for v in values if v is not None), default=0.0)
    steps = len(glyphs.ramp) - 1
    return SafeText(
        "".join(" " if v is None else glyphs.ramp[round(v / top * steps) if top > 0 else 0] for v in values)
    )


def over_time(series: Series, columns: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """The series as `rows` lines of `columns`: scale on the left, the limit across, marks upright, times below."""
    marks = [m for m in series.marks if series.start <= m.ts <= series.end]
    wide, high = columns - LABEL_COLUMNS, rows - (2 if marks else 1)
    if wide < 10 or high < 2:
        return []
    low, top = _bounds(series)
    body = _Body(wide, high, low, top, series, glyphs)
    body.draw_limit()
    body.draw_marks()
    body.draw_points()
    lines = [body.line(row) for row in range(high)]
    head = [_heads(marks, body)] if marks else []
    return [*head, *lines, _times(series, wide)]


def _bounds(series: Series) -> tuple[float, float]:
    """The least and greatest value of the scale, in whole twentieths, the limit well inside."""
    least = min([value for _, value in series.points] + [series.limit])
    low = max(0.0, int((least - 0.04) * 20) / 20)
    return low, 1.0


class _Body:
    """The dots and letters of a chart while it is drawn."""

    def __init__(self, wide: int, high: int, low: float, top: float, series: Series, glyphs: Glyphs) -> None:
        self.wide, self.high, self.low, self.top = wide, high, low, top
        self.series, self.glyphs = series, glyphs
        self.cells: list[list[Cell | None]] = [[None] * wide for _ in range(high)]
        self.dots = [[0] * wide for _ in range(high)]

    def column(self, ts: datetime, per_cell: int = 1) -> int:
        """The column of a time, in cells or parts of cells."""
        span = (self.series.end - self.series.start).total_seconds() or 1.0
        part = (ts - self.series.start).total_seconds() / span
        return min(self.wide * per_cell - 1, max(0, int(part * self.wide * per_cell)))

    def row(self, value: float, per_cell: int = 1) -> int:
        """The row of a value, from the top, in cells or parts of cells."""
        part = (self.top - value) / (self.top - self.low)
        return min(self.high * per_cell - 1, max(0, int(part * self.high * per_cell)))

    def draw_limit(self) -> None:
        """The limit, across the whole width."""
        row = self.row(self.series.limit)
        for column in range(self.wide):
            self.cells[row][column] = Cell(SafeText(self.glyphs.limit), Tone.WARN)

    def draw_marks(self) -> None:
        """What happened, upright."""
        for mark in self.series.marks:
            if not self.series.start <= mark.ts <= self.series.end:
                continue
            column = self.column(mark.ts)
            for row in range(self.high):
                self.cells[row][column] = Cell(SafeText(self.glyphs.mark), Tone.ACCENT)

    def draw_points(self) -> None:
        """The values, joined, in braille dots; in plain ASCII one letter a value."""
        if not self.glyphs.braille:
            for ts, value in self.series.points:
                self.cells[self.row(value)][self.column(ts)] = Cell(SafeText("o"), self._tone(value))
            return
        before: tuple[int, int] | None = None
        for ts, value in self.series.points:
            here = (self.column(ts, 2), self.row(value, 4))
            for x, y in _between(before or here, here):
                self.dots[y // 4][x // 2] |= _BRAILLE[y % 4][x % 2]
            before = here

    def _tone(self, value: float) -> Tone:
        return Tone.BAD if value < self.series.limit else Tone.GOOD

    def line(self, row: int) -> Line:
        """One line with its part of the scale."""
        value = self.top - (row + 0.5) / self.high * (self.top - self.low)
        labelled = row in {0, self.high - 1, self.row(self.series.limit)}
        shown = self.top if row == 0 else self.low if row == self.high - 1 else self.series.limit
        if labelled and row == self.row(self.series.limit):
            shown = self.series.limit
        label = f"{shown:.2f}{self.glyphs.axis}" if labelled else "    " + ("│" if self.glyphs.braille else "|")
        out = [cell(label.rjust(LABEL_COLUMNS), Tone.DIM)]
        for column in range(self.wide):
            bits = self.dots[row][column]
            if bits:
                out.append(Cell(SafeText(chr(0x2800 + bits)), self._tone(value)))
            else:
                out.append(self.cells[row][column] or Cell(SafeText(" ")))
        return _merged(out)


def _heads(marks: Sequence[Mark], body: _Body) -> Line:
    """The words of the marks above the chart, the newest first to find room."""
    letters = [" "] * body.wide
    for mark in reversed(marks):
        column = body.column(mark.ts)
        text = f"{body.glyphs.mark}{mark.words}"
        start = column if column + len(text) <= body.wide else column + 1 - len(text)
        if start >= 0 and not "".join(letters[max(0, start - 1) : start + len(text) + 1]).strip():
            shown = text if start == column else f"{mark.words}{body.glyphs.mark}"
            letters[start : start + len(text)] = shown
    return (Cell(SafeText(" " * LABEL_COLUMNS)), Cell(SafeText("".join(letters)), Tone.ACCENT))


def _between(a: tuple[int, int], b: tuple[int, int]) -> list[tuple[int, int]]:
    """The dots from `a` to `b`, both included, without gaps."""
    steps = max(abs(b[0] - a[0]), abs(b[1] - a[1]), 1)
    return [
        (a[0] + round((b[0] - a[0]) * i / steps), a[1] + round((b[1] - a[1]) * i / steps)) for i in range(steps + 1)
    ]


def _merged(cells: Sequence[Cell]) -> Line:
    """Neighbours of one tone as one cell: fewer codes to the terminal."""
    out: list[Cell] = []
    for item in cells:
        if out and out[-1].tone is item.tone:
            out[-1] = Cell(SafeText(out[-1].text + item.text), item.tone)
        else:
            out.append(item)
    return tuple(out)


def _times(series: Series, wide: int) -> Line:
    """The times of start, middle and end below the chart."""
    middle = series.start + (series.end - series.start) / 2
    first, second, last = (t.strftime("%H:%M") for t in (series.start, middle, series.end))
    gap = max(1, wide // 2 - len(first) - len(second) // 2)
    text = first + " " * gap + second if wide >= 20 else first
    text += last.rjust(max(0, wide - len(text)))
    return (Cell(SafeText(" " * LABEL_COLUMNS)), Cell(SafeText(text) or EMPTY, Tone.DIM))
