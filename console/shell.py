"""The Textual app: header, panes, footer, keys and the one timer.

It reads in desks' threads (console/reading.py), draws what they return, and changes things only through the engine.
Nothing here waits.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.message import Message
from textual.widgets import ContentSwitcher

from console import actions
from console.cells import Tone
from console.changes import Changes
from console.changing import Changing
from console.feed import Feed, Following
from console.frame import draw_frame
from console.palette import ActionProvider
from console.pane import Pane, panes
from console.panes.sql import SqlPane
from console.reading import Done
from console.theme import ANSI, ANSI_VARIABLES, THEMES, glyphs_for, theme_for
from console.widgets.bars import KeyLine, RuleLine, StatusLine, TabLine
from console.widgets.beside import LEAST_COLUMNS, Beside
from console.widgets.filterbar import FilterBar

if TYPE_CHECKING:
    from engine.room import Room

TICK_S = 1.0
INTERRUPT_S = 2.0


@dataclass
class Read(Message):
    """A desk's result, on its way to the user interface."""

    done: Done


class WatchroomApp(Changing):
    """The console over one room."""

    CSS_PATH = "app.tcss"
    TITLE = "watchroom"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[Any]] = {ActionProvider}
    COMMAND_PALETTE_BINDING: ClassVar[str] = "f24"  # the registry binds the palette
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("app")

    def __init__(self, room: Room, *, environment: str = "production", follow: Following | None = None,
                 host: str | None = None, tick_s: float | None = TICK_S) -> None:  # fmt: skip
        """`follow` says what feeds the home, `host` where this runs; without `tick_s` there is no timer."""
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") else None)  # else NO_COLOR only means grey
        self.tick_s = tick_s
        self.room = room
        self.environment = environment
        self.host = host or socket.gethostname()
        self.glyphs = glyphs_for(os.environ)
        self.feed = Feed(room, follow, lambda done: self.post_message(Read(done)))
        self.changes = Changes(self)
        self.chosen: str | None = None
        self._interrupted_at: datetime | None = None

    # the frame

    def compose(self) -> ComposeResult:
        """Two lines and a rule above the panes, the filter and the keys below."""
        yield StatusLine(id="status")
        yield TabLine(id="tabs")
        yield RuleLine(id="head")
        with Horizontal(id="middle"):
            with ContentSwitcher(initial=panes()[0][0], id="panes"):
                for name, kind in panes():
                    pane = kind()
                    pane.id, pane.environment, pane.glyphs = name, self.environment, self.glyphs
                    yield pane
            yield Beside(id="beside")
        yield FilterBar()
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Themes, signals, the timer; the first read begins at once."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = ANSI if self.no_color else theme_for(os.environ)
        self._catch_signals()
        if self.tick_s is not None:
            self.set_interval(self.tick_s, self.tick)
        for _, kind in panes():
            self.bind(str(kind.number), f"pane({kind.number})", show=False)
        self._place_beside(self.size.width)
        self.show_pane(1)
        self.tick()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own variables for themes that do not know them."""
        if self.theme.startswith("ansi"):
            return ANSI_VARIABLES
        return {"line": "#555555", "dim": "#888888", "cursor": "#333355", "protected": "#aa3333"}

    def _catch_signals(self) -> None:
        """Being ended or hung up gives the terminal back like quitting does."""
        import asyncio

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with suppress(ValueError, NotImplementedError, RuntimeError):  # not in the main thread: tests
                loop.add_signal_handler(number, functools.partial(self.exit, return_code=128 + number))

    @property
    def failure(self) -> BaseException | None:
        """The error that ended the app, if one did."""
        return self._exception

    def _fatal_error(self) -> None:
        """End without Textual's own report: it prints local variables, and those hold log lines."""
        self._close_messages_no_wait()

    # panes

    def show_pane(self, number: int) -> None:
        """Open the pane of that number; it reads at once."""
        found = next(((name, kind) for name, kind in panes() if kind.number == number), None)
        if found is None:
            return
        self.chosen = self.pane.model or self.chosen
        self.main.minimize()
        self.main.query_one("#panes", ContentSwitcher).current = found[0]
        if self.chosen is not None:
            self.pane.choose(self.chosen)
        self.main.query_one(FilterBar).put(self._grid_filter())
        landing = self.pane.landing()
        if landing is not None:
            self.main.set_focus(landing)
        self.feed.want(self.pane)
        self.look_beside()
        self.draw_frame()

    def action_pane(self, number: int) -> None:
        """Open a pane by its key."""
        self.show_pane(number)

    @on(TabLine.Chosen)
    def _tab_chosen(self, event: TabLine.Chosen) -> None:
        self.show_pane(event.number)

    # reading

    def tick(self) -> None:
        """Once a second: the clock, the pulse, and whatever is due to be read."""
        self.note_left -= 1
        if self.note_left <= 0:
            self.note = None
        self.feed.beat()
        self.feed.want(self.pane)
        self.draw_frame()

    @on(Read)
    def _received(self, message: Read) -> None:
        value = self.feed.received(message.done)
        if not self.is_running or not self.main.is_attached:
            return
        if value is not None:
            with self.batch_update():
                self.main.query_one(f"#{message.done.desk}", Pane).draw(value)
        self.feed.want(self.pane)
        self.draw_frame()

    def on_resize(self, event: Resize) -> None:
        """Draw for the new size, once the screen has it."""
        self._place_beside(event.size.width)
        self.call_after_refresh(self.draw_frame)

    def _place_beside(self, columns: int) -> None:
        """Show the chosen row beside the pane where there is room."""
        for beside in self.main.query(Beside):
            beside.display = columns >= LEAST_COLUMNS
            self.look_beside()

    def draw_frame(self) -> None:
        """Draw what is always on the screen."""
        if self.is_running and self.main.is_mounted:
            draw_frame(self)

    # what keys may do

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Grey what would change something in a read-only console, and what does nothing in this pane."""
        found = next((a for a in actions.ACTIONS if a.id == action), None)
        if found is None:
            return True
        if actions.gives_way(found, str(self.pane.id)):
            return False
        if found.mutates and self.room.read_only:
            return None
        return True

    # actions: going

    def action_go_back(self) -> None:
        """Leave what one is in; from the top, end the console."""
        if not self.action_leave():
            self.action_end()

    def action_leave(self) -> bool:
        """End the zoom, the filter or the pause, else go to the first pane; False if one is there already."""
        main = self.main
        if main.maximized is not None:
            main.minimize()
        elif self._grid_filter():
            main.query_one(FilterBar).close(keep=False)
        elif self.feed.paused is not None:
            self.action_pause()
        elif self.pane.number != 1:
            self.show_pane(1)
        else:
            return False
        return True

    def action_end(self) -> None:
        """End the console."""
        self.exit(0, return_code=0)

    def action_interrupt(self) -> None:
        """Stop the query that runs; without one, twice within two seconds ends the console."""
        if self.main.query_one(SqlPane).interrupt():
            return
        now = self.room.clock()
        before, self._interrupted_at = self._interrupted_at, now
        if before is not None and (now - before).total_seconds() <= INTERRUPT_S:
            self.exit(130, return_code=130)
        else:
            self.say("ctrl+c again ends the console", Tone.WARN, seconds=2)

    def action_suspend(self) -> None:
        """Back to the shell."""
        self.action_suspend_process()
