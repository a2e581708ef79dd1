"""Lines of cells become strips of the screen: the base of everything that is drawn here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.cells import Line, Tone

Draw = Callable[[int, int], Sequence[Line]]
"""Draws lines for a width and a height, in columns and rows."""


class Toned(ScrollView, can_focus=False):
    """A widget that draws cells in the theme's tones; the colours are in app.tcss."""

    DEFAULT_CSS = """
    Toned { background: $background; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in Tone} | {
        "tone--cursor", "tone--heading", "tone--marked",
    }  # fmt: skip

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 Textual's name
        super().__init__(id=id, classes=classes)
        self._tones: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        """Called by Textual when theme, focus or CSS change: styles are worked out anew."""
        self._tones.clear()
        super().notify_style_update()

    def tone(self, name: str) -> Style:
        """The style of a tone on this widget's background; Textual needs longer to work it out than to draw a cell."""
        if (known := self._tones.get(name)) is None:
            known = self.rich_style
            if name:
                known += self.get_component_rich_style(f"tone--{name}", partial=True)
            self._tones[name] = known
        return known

    def to_strip(self, line: Line, over: Style | None = None) -> Strip:
        """`line` as a strip exactly as wide as the widget; `over` is laid over every cell."""
        segments = [Segment(c.text, self.tone(c.tone) + over if over else self.tone(c.tone)) for c in line]
        blank = self.tone("") + over if over else self.tone("")
        return Strip(segments).adjust_cell_length(self.room.width, blank)

    @property
    def room(self) -> Size:
        """The columns and rows there are to draw on, without the scrollbar."""
        return self.scrollable_content_region.size


class Sheet(Toned, can_focus=False):
    """Free lines, drawn anew for the size there is; scrolls when there are more lines than rows."""

    DEFAULT_CSS = """
    Sheet { height: auto; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 Textual's name
        super().__init__(id=id, classes=classes)
        self._draw: Draw = lambda _width, _height: ()
        self._lines: Sequence[Line] = ()
        self._drawn: tuple[tuple[Line, ...], Size] | None = None

    def show(self, draw: Draw) -> None:
        """Show what `draw` makes of the widget's size, now and whenever that changes."""
        self._draw = draw
        self._again()

    @property
    def lines(self) -> Sequence[Line]:
        """What is shown."""
        return self._lines

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._again()

    def _again(self) -> None:
        size = self.content_size
        if not size.width or not size.height:
            return
        lines = tuple(self._draw(size.width, size.height))
        if len(lines) > size.height and self.styles.overflow_y == "auto":
            lines = tuple(self._draw(size.width - self.styles.scrollbar_size_vertical, size.height))
        if (lines, size) == self._drawn:
            return
        self._drawn = (lines, size)
        self._lines = lines
        self.virtual_size = Size(size.width, len(lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the visible part."""
        row = y + self.scroll_offset.y
        line = self._lines[row] if row < len(self._lines) else ()
        return self.to_strip(line)
