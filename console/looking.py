"""What keys do that change nothing: looking closer, filtering, holding still, copying.

`Looking` is the app without its frame and its reading; `console/shell.py` adds those and what changes things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import App
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import ContentSwitcher, Input

from console.cells import EMPTY, Cell, SafeText, Tone, cell
from console.dialogs.detail import DetailDialog
from console.dialogs.help import HelpDialog
from console.feed import Feed
from console.pane import Pane
from console.panes.sql import SqlPane, answer
from console.reading import Done
from console.theme import ANSI, THEMES, Glyphs
from console.widgets.beside import Beside
from console.widgets.filter import Filter
from console.widgets.filterbar import FilterBar
from console.widgets.grid import Grid
from storage.errors import RefusedError

if TYPE_CHECKING:
    from engine.room import Room

REST_S = 0.15
"""How long the cursor must rest on a row before it is shown beside the pane."""
COPY_BYTES = 55_000
"""Terminals drop a clipboard text of more than about 75,000 bytes in base64."""


class Looking(App[int]):
    """An app that shows panes; keys that change nothing."""

    room: Room
    feed: Feed
    glyphs: Glyphs
    note: Cell | None = None
    _resting: Timer | None = None
    note_left = 0
    """Ticks until the note goes."""

    def draw_frame(self) -> None:
        """Draw what is always on the screen."""
        raise NotImplementedError

    def show_pane(self, number: int) -> None:
        """Open the pane of that number."""
        raise NotImplementedError

    def read_again(self) -> None:
        """Read for the shown pane whether it is due or not."""
        self.feed.want(self.pane, force=True)

    @property
    def pane(self) -> Pane[Any]:
        """The pane that is shown."""
        switcher = self.main.query_one("#panes", ContentSwitcher)
        found = switcher.visible_content
        assert isinstance(found, Pane)
        return found

    @property
    def main(self) -> Screen[Any]:
        """The screen below all dialogs."""
        return self.screen_stack[0]

    def say(self, text: object, tone: Tone = Tone.ACCENT, seconds: int = 6) -> None:
        """A note in the last line for some seconds."""
        self.note = cell(text, tone)
        self.note_left = seconds
        self.draw_frame()

    def action_help(self) -> None:
        """What every key does here."""
        self.push_screen(HelpDialog(str(self.pane.id), self.pane.title, read_only=self.room.read_only))

    def action_ask(self) -> None:
        """Type a statement."""
        self.show_pane(SqlPane.number)
        self.main.set_focus(self.main.query_one(SqlPane).query_one(Input))

    @on(SqlPane.Asked)
    def _asked(self, event: SqlPane.Asked) -> None:
        room, pane = self.room, self.main.query_one(SqlPane)
        self.feed.do("ask", lambda: answer(room, event.statement, event.brake), pane.took)

    def action_palette(self) -> None:
        """Every action by its name."""
        self.action_command_palette()

    def action_refresh(self) -> None:
        """Read again now."""
        self.read_again()
        self.say("reading again", seconds=1)

    def action_pause(self) -> None:
        """Hold every pane still, or let them move again."""
        self.feed.pause()
        if self.feed.paused is None:
            self.read_again()
        self.draw_frame()

    def action_theme(self) -> None:
        """The next theme."""
        known = [t.name for t in THEMES] + [ANSI]
        self.theme = known[(known.index(self.theme) + 1) % len(known)] if self.theme in known else known[0]
        self.say(f"theme {self.theme}", seconds=2)

    def action_zoom(self) -> None:
        """Give the focused part the whole screen, or back."""
        main = self.main
        if main.maximized is not None:
            main.minimize()
        elif isinstance(main.focused, Grid):
            main.maximize(main.focused, container=False)

    def action_next_part(self) -> None:
        """To the pane's next part."""
        self.screen.focus_next()

    def action_previous_part(self) -> None:
        """To the pane's part before."""
        self.screen.focus_previous()

    def action_copy(self) -> None:
        """Copy the row under the cursor."""
        grid = self.pane.grid()
        if grid is None or grid.current is None:
            return
        detail = self.pane.detail(grid.current)
        text = detail[1] if detail else grid.current.text
        if len(text.encode()) > COPY_BYTES:
            self.say(f"too long for a clipboard over a terminal ({len(text):,} characters)", Tone.WARN)
            return
        self.copy_to_clipboard(text)
        self.say("copied")

    @on(Grid.Opened)
    def _opened(self, event: Grid.Opened) -> None:
        found, room, kind = self.pane.detail(event.row), self.room, type(self.pane)
        if found is None:
            return
        dialog = DetailDialog(*found)
        self.push_screen(dialog)

        def read(done: Done) -> None:
            if done.value:
                dialog.add(done.value)

        self.feed.do("detail", lambda: kind.more(room, event.row), read)

    # beside the pane

    @property
    def is_resting(self) -> bool:
        """Whether the row under the cursor is about to be shown beside the pane."""
        return self._resting is not None

    def look_beside(self) -> None:
        """Show the row under the cursor beside the pane, once the cursor rests; where there is no room, nothing."""
        beside = self.main.query_one(Beside)
        if not beside.display:
            return
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST_S, self._draw_beside)

    def _draw_beside(self) -> None:
        pane, room = self.pane, self.room
        grid = pane.grid()
        row = grid.current if grid else None

        def told() -> tuple[SafeText, SafeText] | None:
            found = pane.detail(row) if row is not None else None
            more = type(pane).more(room, row) if found and row is not None else EMPTY
            return (found[0], SafeText(f"{found[1]}\n\n{more}" if more else found[1])) if found else None

        def show(done: Done) -> None:
            if isinstance(done.error, RefusedError):  # the row before is still being read
                self.look_beside()
            elif pane is self.pane:
                title, text = done.value or (EMPTY, EMPTY)
                self.main.query_one(Beside).tell(title, text, self.glyphs)

        self._resting = None
        self.feed.do("beside", told, show)

    # the filter

    def action_filter(self) -> None:
        """Type a filter for the list."""
        if self.pane.grid() is not None:
            self.main.query_one(FilterBar).begin()
            self._count_filtered()

    def _grid_filter(self) -> str:
        grid = self.pane.grid()
        return grid.filter.typed if grid else ""

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        self._set_filter(event.filter)

    @on(FilterBar.Closed)
    def _filter_closed(self, event: FilterBar.Closed) -> None:
        grid = self.pane.grid()
        if not event.kept:
            self._set_filter(Filter())
        if grid is not None:
            grid.focus()

    def _set_filter(self, wanted: Filter) -> None:
        grid = self.pane.grid()
        if grid is not None and not wanted.problem:
            grid.set_filter(wanted)
        self._count_filtered()

    def _count_filtered(self) -> None:
        grid = self.pane.grid()
        if grid is not None:
            self.main.query_one(FilterBar).count(len(grid.shown), len(grid.rows))

    @on(Grid.Moved)
    def _grid_moved(self) -> None:
        self._count_filtered()
        self.look_beside()
