"""A dialog that is one text to scroll through."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from console.widgets.lines import Sheet


class Scrolling(ModalScreen[None]):
    """Keys that scroll the sheet of the dialog, and close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "close"),
        Binding("j,down", "move(1)", "down"),
        Binding("k,up", "move(-1)", "up"),
        Binding("pagedown,space", "move(10)", "page down"),
        Binding("pageup", "move(-10)", "page up"),
    ]

    def action_move(self, rows: int) -> None:
        """Scroll."""
        self.query_one(Sheet).scroll_relative(y=rows, animate=False)
