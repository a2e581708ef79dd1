"""The line in which a filter is typed: it works while one types, counts what is shown, and never raises."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from console.cells import Cell, SafeText, Tone, printable
from console.widgets.filter import Filter, parse
from console.widgets.lines import Sheet


class SafeInput(Input):
    """An input into which nothing but printable text can be pasted."""

    def _on_paste(self, event: events.Paste) -> None:
        """Make the clipboard's text printable before it is shown."""
        event.text = printable(event.text.splitlines()[0] if event.text else "")
        super()._on_paste(event)


class FilterBar(Horizontal):
    """A slash, the pattern, and how many rows it lets through."""

    @dataclass
    class Changed(Message):
        """Another filter was typed."""

        filter: Filter

    @dataclass
    class Closed(Message):
        """Typing ended; `kept` says whether the filter stays on."""

        kept: bool

    def compose(self) -> ComposeResult:
        """The slash, the input and the count."""
        slash = Sheet(id="slash")
        slash.styles.width = 3
        yield slash
        yield SafeInput(id="pattern", select_on_focus=False, compact=True)
        yield Sheet(id="count")

    def on_mount(self) -> None:
        """Draw the slash; hidden until one filters."""
        self.display = False
        self.query_one("#slash", Sheet).show(lambda _c, _r: [(Cell(SafeText(" / "), Tone.ACCENT),)])

    def begin(self) -> None:
        """Show the line and type into it, from the very next key on."""
        self.display = True
        self.screen.set_focus(self.query_one(Input))

    def put(self, typed: str) -> None:
        """Show what is typed for the list now in view; hide the line if nothing is."""
        with self.prevent(Input.Changed):
            self.query_one(Input).value = typed
        self.display = bool(typed)

    def close(self, *, keep: bool) -> None:
        """End typing. Without `keep` the filter ends too."""
        if not keep or not self.query_one(Input).value:
            self.put("")
        self.post_message(self.Closed(keep))

    def count(self, shown: int, total: int) -> None:
        """Say how many rows there are and how many of them are shown."""
        found = parse(self.query_one(Input).value)
        text, tone = f" {shown:,} of {total:,} shown", Tone.DIM
        if found.problem:
            text, tone = f" {found.problem}", Tone.BAD
        self.query_one("#count", Sheet).show(lambda _c, _r: [(Cell(SafeText(text), tone),)])

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        found = parse(event.value)
        event.input.set_class(bool(found.problem), "-wrong")
        self.post_message(self.Changed(found))

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.close(keep=True)

    def on_key(self, event: events.Key) -> None:
        """Esc ends the filter."""
        if event.key == "escape":
            event.stop()
            self.close(keep=False)
