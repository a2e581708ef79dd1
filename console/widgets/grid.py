"""Rows in columns with a cursor, a filter, and a view that follows new rows until the reader scrolls away.

Only what is visible is drawn, so that a list of thousands of rows costs as much as one of twenty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from console.actions import bindings
from console.cells import Cell, SafeText, Tone
from console.widgets.filter import Filter
from console.widgets.lines import Toned
from console.widgets.listing import Listing
from console.widgets.rows import Column, Row, heading, laid_out

__all__ = ["Column", "Grid", "Row"]

RING_ROWS = 5_000
"""Rows that a following grid keeps; while the reader has scrolled away it keeps up to four times as many."""


class Grid(Toned, can_focus=True):
    """A list of rows under headings."""

    DEFAULT_CSS = """
    Grid { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("list")

    @dataclass
    class Opened(Message):
        """A row was opened with Enter or a second click."""

        grid: Grid
        row: Row

        @property
        def control(self) -> Grid:
            """The list."""
            return self.grid

    @dataclass
    class Moved(Message):
        """The cursor stands on another row, or the view began or ceased to follow."""

        grid: Grid
        row: Row | None

        @property
        def control(self) -> Grid:
            """The list."""
            return self.grid

    def __init__(self, columns: Sequence[Column], *, empty: str = "nothing yet", follows: bool = False,
                 chooses: bool = False, id: str | None = None) -> None:  # fmt: skip  # noqa: A002 Textual's name
        """`follows`: new rows come below and the view goes with them; `chooses`: the cursor shows without focus."""
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.empty = empty
        self.follows = follows
        self.chooses = chooses
        self.following = follows
        self.unseen = 0
        self._list = Listing()
        self._waiting = True
        self._here: SafeText = SafeText("▶")

    def on_mount(self) -> None:
        """Take the cursor's symbol from the terminal's set."""
        self._here = SafeText(getattr(self.app, "glyphs").here)  # noqa: B009 the App's own attribute

    # what is shown

    @property
    def rows(self) -> Sequence[Row]:
        """All rows, whether the filter lets them through or not."""
        return self._list.rows

    @property
    def shown(self) -> Sequence[Row]:
        """The rows that the filter lets through."""
        return self._list.shown

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._list.current

    @property
    def filter(self) -> Filter:
        """What is typed behind `/`."""
        return self._list.filter

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows; the cursor stays on the row of the same key, or on top while nobody has moved it."""
        if self._list.rows == list(rows) and not self._waiting:
            return
        self._waiting = False
        self._list.put(rows)
        self._changed()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; the rows of the old ones go."""
        self.columns = tuple(columns)
        self._list.touched = False
        self.set_rows([])

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Add rows below. A following view moves on to them; a frozen one stays and counts them."""
        if not rows:
            return
        fresh = self._list.add(rows)
        if not self.following:
            self.unseen += fresh
        self._trim(RING_ROWS if self.following else 4 * RING_ROWS)
        self._changed()

    def replace_end(self, count: int, rows: Sequence[Row]) -> None:
        """Put `rows` in the place of the last `count`: what was known of those is known better now."""
        if self._waiting:
            self._waiting = False
            self.refresh()
        if count:
            self.unseen = max(0, self.unseen - self._list.take_end(count))
        if rows:
            self.add_rows(rows)
        elif count:
            self._list.cursor = min(self._list.cursor, self._list.last)
            self._changed()

    def replace_rows(self, rows: Sequence[Row]) -> None:
        """Show the same rows in another dress, in the same order: what marks them was learnt later."""
        self._list.dress(rows)
        self.refresh()

    def set_filter(self, wanted: Filter) -> None:
        """Show only the rows that `wanted` lets through."""
        self._list.narrow(wanted)
        self._changed()

    def _changed(self) -> None:
        self._measure()
        if self.following:
            self._to_end()
        self._announce()

    def _trim(self, keep: int) -> None:
        """Forget the oldest rows beyond `keep`; the visible ones stay where they are."""
        lost = self._list.forget(keep)
        if lost and not self.following:
            self.scroll_to(y=max(0, self.scroll_offset.y - lost), animate=False, force=True)

    def _measure(self) -> None:
        """Tell Textual how long the list is. While it scrolls anyway only the scrollbar needs to know: to lay the whole
        screen out anew for each row that comes costs more than to draw it.
        """
        size = Size(self.room.width, len(self._list.shown) + self._head)
        if self.show_vertical_scrollbar and size.width == self.virtual_size.width and size.height > self.room.height:
            self.set_reactive(Grid.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height
        else:
            self.virtual_size = size
        self.refresh()

    @property
    def _head(self) -> int:
        return 1 if any(c.title for c in self.columns) else 0

    # moving

    def action_down(self) -> None:
        """One row on."""
        self._move(self._list.cursor + 1)

    def action_up(self) -> None:
        """One row back."""
        self._move(self._list.cursor - 1)

    def action_page_down(self) -> None:
        """A page on."""
        self._move(self._list.cursor + max(1, self.room.height - 1 - self._head))

    def action_page_up(self) -> None:
        """A page back."""
        self._move(self._list.cursor - max(1, self.room.height - 1 - self._head))

    def action_top(self) -> None:
        """To the first row."""
        self._move(0)

    def action_bottom(self) -> None:
        """To the last row; a list that follows new rows does so again."""
        self.following = self.follows
        self.unseen = 0
        self._trim(RING_ROWS)
        self._measure()
        self._move(len(self._list.shown) - 1)

    def action_next_mark(self) -> None:
        """To the next row that is flagged."""
        self._to_mark(1)

    def action_previous_mark(self) -> None:
        """To the flagged row before."""
        self._to_mark(-1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if (row := self.current) is not None:
            self.post_message(self.Opened(self, row))

    def go_to(self, key: str) -> bool:
        """Put the cursor on the row of that key, if it is shown."""
        index = self._list.where(key)
        if index is not None:
            self._move(index)
        return index is not None

    def _to_mark(self, step: int) -> None:
        index = self._list.mark(step)
        if index is None:
            self.app.bell()
        else:
            self._move(index)

    def _move(self, to: int) -> None:
        if not self._list.shown:
            return
        last = self._list.last
        to = min(last, max(0, to))
        self._list.touched = True
        if to < last:
            self.following = False
        self._list.cursor = to
        self.scroll_to_region(
            Region(0, to if to == 0 else to + self._head, 1, 1 + (self._head if to == 0 else 0)),
            animate=False, force=True, spacing=None,
        )  # fmt: skip
        if self._head and to + self._head <= self.scroll_offset.y:
            self.scroll_to(y=max(0, to), animate=False, force=True)
        self.refresh()
        self._announce()

    def _to_end(self) -> None:
        self._list.cursor = self._list.last
        self.scroll_end(animate=False, force=True, immediate=True)

    def _announce(self) -> None:
        self.post_message(self.Moved(self, self.current))

    # the mouse, for those who use it

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; one on the cursor's row opens it."""
        index = event.y + self.scroll_offset.y - self._head
        if event.y < self._head or not 0 <= index < len(self._list.shown):
            return
        if index == self._list.cursor:
            self.action_open()
        else:
            self._move(index)

    def on_mouse_scroll_up(self) -> None:
        """The wheel freezes a following view."""
        self._freeze()

    def on_scroll_up(self) -> None:
        """So does the scrollbar, by a click above its thumb,"""
        self._freeze()

    def on_scroll_to(self) -> None:
        """or by dragging it."""
        self._freeze()

    def _freeze(self) -> None:
        if self.following and self.max_scroll_y > 0:
            self.following = False
            self._announce()

    # drawing

    def on_resize(self) -> None:
        """Measure anew; a following view stays at the end."""
        self._measure()
        if self.following and self.follows:
            self._to_end()

    def render_line(self, y: int) -> Strip:
        """The heading stays on top; below it, the visible rows."""
        if y < self._head:
            return self.to_strip(
                heading(self.columns, self.room.width), self.get_component_rich_style("tone--heading", partial=True)
            )
        index = y + self.scroll_offset.y - self._head
        if index >= len(self._list.shown):
            words = self._nothing() if y == self._head else ""
            return self.to_strip((Cell(SafeText(words), Tone.DIM),))
        row = self._list.shown[index]
        here = index == self._list.cursor and (self.has_focus or self.chooses)
        over = self.get_component_rich_style("tone--cursor", partial=True) if here else None
        return self.to_strip(laid_out(row, self.columns, self.room.width, self._here if here else ""), over)

    def _nothing(self) -> str:
        """Why there is no row. Before the first answer that is not known yet, and must not be told as `nothing`."""
        if self._list.shown:
            return ""
        if self._waiting:
            return "  reading"
        return f"  no row matches the filter; {len(self._list.rows):,} hidden" if self._list.rows else f"  {self.empty}"
