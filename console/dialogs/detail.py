"""A row whole: every field, on as many lines as it takes."""

from __future__ import annotations

import re
import textwrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size

from console.cells import Cell, Line, SafeText
from console.dialogs._scrolling import Scrolling
from console.widgets.lines import Sheet

_LEAD = re.compile(r"\s*(?:\S+\s{2,}(?=\S))?")
"""What a line begins with: blanks, or a field's name and the blanks to its value."""


class Folded(Sheet):
    """Text wrapped to the width there is, and as high as that makes it."""

    def __init__(self, text: SafeText, *, id: str | None = None) -> None:  # noqa: A002 Textual's name
        super().__init__(id=id)
        self._text = text

    def on_mount(self) -> None:
        """Wrap the text."""
        self.write(self._text)

    def write(self, text: SafeText) -> None:
        """Show another text."""
        self._text = text
        self.show(lambda columns, _rows: wrapped(text, columns))
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 Textual's
        """Textual asks how high the text is at a width."""
        return len(wrapped(self._text, width))


class DetailDialog(Scrolling):
    """Text under a title; scrolls. `add` puts what takes reading below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
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
            yield Folded(self._text, id="text")

    def add(self, text: SafeText) -> None:
        """Put more below the text, if the dialog is still open."""
        self._text = SafeText(f"{self._text}\n\n{text}")
        if self.is_mounted:
            self.query_one(Folded).write(self._text)

    def action_copy(self) -> None:
        """Copy the text."""
        self.app.copy_to_clipboard(self._text[:50_000])


def title_of(text: SafeText) -> str:
    """Safe text as a border's title, which Textual reads as markup: brackets are kept from meaning anything."""
    return text.replace("[", "(").replace("]", ")")[:100]


def wrapped(text: SafeText, columns: int) -> list[Line]:
    """Text as lines of at most `columns`; an indent is kept, and a field's value stays right of its name."""
    out: list[Line] = []
    for line in text.splitlines():
        lead = _LEAD.match(line)
        indent = " " * len(lead[0]) if lead and len(lead[0]) <= columns // 2 else ""
        parts = textwrap.wrap(line, max(10, columns), subsequent_indent=indent, break_on_hyphens=False)
        out += [(Cell(SafeText(part)),) for part in parts or [""]]
    return out
