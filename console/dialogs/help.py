"""What every key does, made from the registry of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from console import actions
from console.cells import Cell, Line, SafeText, Tone, cell
from console.dialogs._scrolling import Scrolling
from console.pane import panes
from console.widgets.lines import Sheet

GROUPS: tuple[actions.Group, ...] = ("Change", "Look", "Move", "Go")


class HelpDialog(Scrolling):
    """The keys of the pane one came from, then all others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "dismiss", "close"),
    ]
    DEFAULT_CSS = """
    HelpDialog .dialog { width: 78; height: 90%; }
    HelpDialog Sheet { height: 1fr; }
    """

    def __init__(self, pane: str, title: str, *, read_only: bool) -> None:
        super().__init__()
        self._pane, self._title, self._read_only = pane, title, read_only

    def compose(self) -> ComposeResult:
        """One scrolling sheet."""
        box = Vertical(classes="dialog")
        box.border_title = f"Keys · {self._title}"
        box.border_subtitle = "j k scroll · Esc closes"
        with box:
            yield Sheet()

    def on_mount(self) -> None:
        """Write the keys down."""
        self.query_one(Sheet).show(lambda columns, _rows: help_lines(self._pane, columns, read_only=self._read_only))


def help_lines(pane: str, columns: int, *, read_only: bool) -> Sequence[Line]:
    """Every action that works in `pane`, by group, then the panes."""
    out: list[Line] = []
    for group in GROUPS:
        there = [a for a in actions.ACTIONS if a.group == group and actions.works_in(a, pane)]
        if there:
            out.append((cell(group, Tone.STRONG),))
            for action in there:
                out += _entry(action, columns, read_only=read_only)
            out.append(())
    out.append((cell("Panes", Tone.STRONG),))
    for _, kind in panes():
        about = (kind.__doc__ or "").strip().splitlines()[0]
        out += _wrapped(str(kind.number), kind.title, about, columns)
    return out


def _entry(action: actions.Action, columns: int, *, read_only: bool) -> list[Line]:
    about = action.help
    if action.mutates and read_only:
        about = f"Not in a read-only console. {about}"
    elif action.cli_twin:
        about = f"{about} Same as `watchroom {action.cli_twin}`."
    return _wrapped(action.shown, action.title, about, columns)


def _wrapped(key: str, title: str, about: str, columns: int) -> list[Line]:
    import textwrap

    parts = textwrap.wrap(about, max(20, columns - 26)) or [""]
    head: Line = (cell(f"  {key:7}", Tone.ACCENT), cell(f"{title:16} "), cell(parts[0], Tone.DIM))
    return [head, *((Cell(SafeText(" " * 26)), cell(part, Tone.DIM)) for part in parts[1:])]
