"""Rows and columns, and how a row is laid out in the columns that there is room for. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from console.cells import EMPTY, Cell, Line, SafeText, Tone, fit, width


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, its width (0: whatever is left), and the least width of the grid at which it shows."""

    title: str
    columns: int
    right: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row: what identifies it, its cells by column, and whether it is one of those that `e` jumps to."""

    key: str
    cells: Sequence[Cell]
    marked: bool = False
    tail: Cell | None = field(default=None)
    """Shown at the right end of the row, over the last column."""
    about: object = None
    """What the row is of, for the pane that made it."""

    @property
    def text(self) -> SafeText:
        """The whole row, for the filter and the clipboard."""
        words = [c.text.strip() for c in self.cells] + ([self.tail.text.strip()] if self.tail else [])
        return SafeText("  ".join(w for w in words if w))


def visible(columns: Sequence[Column], room: int) -> list[tuple[int, Column, int]]:
    """The columns there is room for: index, column, width. Flexible ones share what is left."""
    kept = [(i, c) for i, c in enumerate(columns) if c.least <= room]
    fixed = sum(c.columns for _, c in kept) + len(kept) + 1
    flexible = [c for _, c in kept if c.columns == 0]
    share = max(4, (room - fixed) // len(flexible)) if flexible else 0
    return [(i, c, c.columns or share) for i, c in kept]


def heading(columns: Sequence[Column], room: int) -> Line:
    """The headings in their columns."""
    cells = [Cell(SafeText("  "))]
    for _, column, size in visible(columns, room):
        cells.append(Cell(fit(SafeText(column.title), size, right=column.right), Tone.DIM))
        cells.append(Cell(SafeText(" ")))
    return tuple(cells)


def laid_out(row: Row, columns: Sequence[Column], room: int, here: str) -> Line:
    """A row in its columns; `here` marks the one under the cursor. Text that is too long runs on over empty columns."""
    cells = [Cell(SafeText(f"{here or ' '} "), Tone.ACCENT)]
    parts = [(row.cells[i] if i < len(row.cells) else Cell(EMPTY), c, size) for i, c, size in visible(columns, room)]
    at = 0
    while at < len(parts):
        item, column, size = parts[at]
        at += 1
        while at < len(parts) and not column.right and not parts[at][0].text and width(item.text) > size:
            size += parts[at][2] + 1
            at += 1
        cells.append(Cell(fit(item.text, size, right=column.right), item.tone))
        cells.append(Cell(SafeText(" ")))
    if row.tail is None:
        return tuple(cells)
    return (*cut(cells, room - width(row.tail.text) - 1), row.tail)


def cut(cells: Sequence[Cell], columns: int) -> list[Cell]:
    """Cells cut or filled to exactly `columns`."""
    out: list[Cell] = []
    left = columns
    for item in cells:
        size = width(item.text)
        if size > left:
            words = SafeText(item.text.rstrip())
            out.append(Cell(fit(words, left), item.tone))
            return out
        out.append(item)
        left -= size
    return [*out, Cell(SafeText(" " * left))]
