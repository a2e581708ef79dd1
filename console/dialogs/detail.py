"""A row whole: every field, on as many lines as it takes."""

from __future__ import annotations

import textwrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.cells import Cell, Line, SafeText
from console.widgets.lines import Sheet


class DetailDialog(ModalScreen[None]):
    """Text under a title; scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "close"),
        Binding("j,down", "move(1)", "down"),
        Binding("k,up", "move(-1)", "up"),
        Binding("pagedown,space", "move(10)", "page down"),
        Binding("pageup", "move(-10)", "page up"),
        Binding("y", "copy", "copy"),
    ]
    DEFAULT_CSS = """
    DetailDialog .dialog { width: 96%; max-width: 140; height: auto; max-height: 90%; }
    DetailDialog Sheet { height: auto; min-height: 1; max-height: 100%; }
    """

    def __init__(self, title: SafeText, text: SafeText) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        """One scrolling sheet."""
        box = Vertical(classes="dialog")
        box.border_title = title_of(self._title)
        box.border_subtitle = "Esc closes · y copies"
        with box:
            sheet = Sheet(id="text")
            sheet.styles.height = len(self._text.splitlines()) + 1
            yield sheet

    def on_mount(self) -> None:
        """Wrap the text to the width there is."""
        self.query_one(Sheet).show(lambda columns, _rows: wrapped(self._text, columns))

    def action_move(self, rows: int) -> None:
        """Scroll."""
        self.query_one(Sheet).scroll_relative(y=rows, animate=False)

    def action_copy(self) -> None:
        """Copy the text."""
        self.app.copy_to_clipboard(self._text[:50_000])


def title_of(text: SafeText) -> str:
    """Safe text as a border's title, which Textual reads as markup: brackets are kept from meaning anything."""
    return text.replace("[", "(").replace("]", ")")[:100]


def wrapped(text: SafeText, columns: int) -> list[Line]:
    """Text as lines of at most `columns`; an indent is kept."""
    out: list[Line] = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        parts = textwrap.wrap(
            line, max(10, columns), subsequent_indent=indent, drop_whitespace=False, break_on_hyphens=False
        )  # fmt: skip
        out += [(Cell(SafeText(part)),) for part in parts or [""]]
    return out
