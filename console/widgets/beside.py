"""What the row under the cursor says in full: below a list in a few lines, beside the pane where there is room."""

from __future__ import annotations

import textwrap

from textual.containers import Vertical

from console.cells import EMPTY, Cell, Line, SafeText, Tone
from console.dialogs.detail import Folded
from console.theme import Glyphs
from console.widgets.bars import RuleLine
from console.widgets.lines import Sheet

LEAST_COLUMNS = 160
"""The width of a terminal from which the row is shown beside the pane: the pane keeps a hundred columns."""


class Said(Sheet):
    """A text that is too long for its row, folded; what does not fit is cut with `…`."""

    DEFAULT_CSS = """
    Said { height: 3; overflow-y: hidden; }
    """

    def tell(self, text: SafeText) -> None:
        """Show this text."""
        self.show(lambda columns, rows: folded(text, columns, rows))


def folded(text: SafeText, columns: int, rows: int) -> list[Line]:
    """Text in at most `rows` lines of `columns`, indented like the rows of a list."""
    parts = textwrap.wrap(text, max(20, columns - 3), max_lines=max(1, rows), placeholder=" …", break_on_hyphens=False)
    return [(Cell(SafeText(f"  {part}"), Tone.DIM),) for part in parts]


class Beside(Vertical):
    """The row under the cursor, whole, at the right of a wide terminal."""

    DEFAULT_CSS = """
    Beside { width: 38%; max-width: 90; border-left: solid $line; display: none; }
    Beside Folded { height: 1fr; padding: 0 1; }
    """

    def compose(self) -> tuple[RuleLine, Folded]:
        """A title and a text."""
        return RuleLine(id="beside-title"), Folded(EMPTY, id="beside-text")

    def tell(self, title: SafeText, text: SafeText, glyphs: Glyphs) -> None:
        """Show a row."""
        self.query_one(RuleLine).set_rule(glyphs, title)
        sheet = self.query_one(Folded)
        sheet.scroll_home(animate=False)
        sheet.write(text)
