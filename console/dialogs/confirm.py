"""A small change is shown before it is made: what it is, and the command that does the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button

from console.cells import Line, SafeText, Tone, cell
from console.dialogs.detail import title_of, wrapped
from console.widgets.lines import Sheet

COLUMNS = 72
"""Text is wrapped to so much: a dialog fits into the smallest comfortable terminal."""


class ConfirmDialog(ModalScreen[bool]):
    """Dismissed with True only by `y` or the other button; Cancel has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(False)", "cancel"),
        Binding("y", "answer(True)", "yes"),
        Binding("tab,right,left,shift+tab", "app.focus_next", "next"),
    ]
    AUTO_FOCUS = "#cancel"

    def __init__(self, title: SafeText, what: Sequence[SafeText], command: SafeText) -> None:
        super().__init__()
        self._title = title
        self._lines: list[Line] = [line for text in what for line in wrapped(text, COLUMNS)]
        self._lines += [(cell("same as", Tone.DIM),)]
        self._lines += [(cell(f"  {c.text}", Tone.ACCENT),) for (c,) in wrapped(command, COLUMNS)]

    def compose(self) -> ComposeResult:
        """What would be done, and the two buttons."""
        box = Vertical(classes="dialog")
        box.border_title = title_of(self._title)
        box.border_subtitle = "y does it · Esc cancels"
        with box:
            sheet = Sheet(id="what")
            sheet.styles.height = len(self._lines)
            yield sheet
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Do it", id="act", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Write down what would be done."""
        self.query_one("#what", Sheet).show(lambda _columns, _rows: self._lines)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "act")

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)
