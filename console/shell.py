"""The Textual app: header, panes, footer, keys and the one timer.

It reads in desks' threads (console/reading.py), draws what they return, and changes things only through the engine.
Nothing here waits.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from console import actions
from console.cells import Cell, SafeText, Tone, cell, printable
from console.dialogs.detail import DetailDialog
from console.dialogs.help import HelpDialog
from console.dialogs.rollback import RollbackDialog
from console.palette import ActionProvider
from console.pane import Ask, Pane, panes
from console.pulse import Pulse, read_pulse
from console.reading import Desks, Done
from console.theme import ANSI, ANSI_VARIABLES, THEMES, glyphs_for, theme_for
from console.widgets.bars import Key, KeyLine, RuleLine, Status, StatusLine, Tab, TabLine
from console.widgets.filter import Filter
from console.widgets.filterbar import FilterBar
from console.widgets.grid import Grid

if TYPE_CHECKING:
    from engine.deployment import Deployment, RollbackPlan
    from engine.room import Room

TICK_S = 1.0
STALE_PERIODS = 3
PULSE = "pulse"
ACT = "act"
INTERRUPT_S = 2.0
LEAST_COLUMNS, LEAST_ROWS = 60, 15
COPY_BYTES = 55_000
"""Terminals drop a clipboard text of more than about 75,000 bytes in base64."""

Following = Callable[[], str]
"""Says in words what feeds the home, e.g. `replay 4x 02:14`; called in a thread."""


@dataclass
class Read(Message):
    """A desk's result, on its way to the user interface."""

    done: Done


@dataclass
class Held:
    """What the app knows of one pane's reading."""

    read_at: datetime | None = None
    """When the newest answer came."""
    mark: str = ""
    """The ledger as it was before that read; the same mark means nothing to read."""
    asked: Ask | None = None
    took_s: float = 0.0
    problem: SafeText = SafeText("")  # noqa: RUF009 a constant


class WatchroomApp(App[int]):
    """The console over one room."""

    CSS_PATH = "app.tcss"
    TITLE = "watchroom"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[Any]] = {ActionProvider}
    COMMAND_PALETTE_BINDING: ClassVar[str] = "f24"  # the registry binds the palette
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("app")

    def __init__(self, room: Room, *, environment: str = "production", follow: Following | None = None,
                 host: str | None = None) -> None:  # fmt: skip
        super().__init__()
        self.room = room
        self.environment = environment
        self.follow = follow
        self.host = host or socket.gethostname()
        self.glyphs = glyphs_for(os.environ)
        self.desks = Desks(lambda done: self.post_message(Read(done)))
        self.held: dict[str, Held] = {name: Held() for name, _ in panes()}
        self.pulse: Pulse | None = None
        self.paused: Pulse | None = None
        self.note: Cell | None = None
        self._note_left = 0
        self._interrupted_at: datetime | None = None

    # the frame

    def compose(self) -> ComposeResult:
        """Two lines and a rule above the panes, the filter and the keys below."""
        yield StatusLine(id="status")
        yield TabLine(id="tabs")
        yield RuleLine(id="head")
        with ContentSwitcher(initial=panes()[0][0], id="panes"):
            for name, kind in panes():
                pane = kind()
                pane.id, pane.environment, pane.glyphs = name, self.environment, self.glyphs
                yield pane
        yield FilterBar()
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Themes, signals, the timer; the first read begins at once."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = theme_for(os.environ)
        self._catch_signals()
        self.set_interval(TICK_S, self.tick)
        for _, kind in panes():
            self.bind(str(kind.number), f"pane({kind.number})", show=False)
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

    def show_pane(self, number: int) -> None:
        """Open the pane of that number; it reads at once."""
        found = next(((name, kind) for name, kind in panes() if kind.number == number), None)
        if found is None:
            return
        model = self.pane.model
        self.main.remove_class("-zoomed")
        self.main.query_one("#panes", ContentSwitcher).current = found[0]
        if model is not None:
            self.pane.choose(model)
        self.main.query_one(FilterBar).put(self._grid_filter())
        landing = self.pane.landing()
        if landing is not None:
            landing.focus()
        self._read(force=False)
        self._frame()

    def action_pane(self, number: int) -> None:
        """Open a pane by its key."""
        self.show_pane(number)

    @on(TabLine.Chosen)
    def _tab_chosen(self, event: TabLine.Chosen) -> None:
        self.show_pane(event.number)

    # reading

    def tick(self) -> None:
        """Once a second: the clock, the pulse, and whatever is due to be read."""
        if self.note is not None:
            self._note_left -= 1
            if self._note_left <= 0:
                self.note = None
        room, follow, since = self.room, self.follow, self.paused
        self.desks.ask(PULSE, None, lambda: read_pulse(room, follow, since))
        self._read(force=False)
        self._frame()

    def _read(self, *, force: bool) -> None:
        """Read for the shown pane if it is due and something changed."""
        pane = self.pane
        held = self.held[str(pane.id)]
        if self.paused is not None and held.read_at is not None and not force:
            return
        now, asked = self.room.clock(), pane.ask()
        mark = self.pulse.mark if self.pulse else ""
        if not force and held.read_at is not None and held.asked == asked:
            age = (now - held.read_at).total_seconds()
            if age < max(pane.refresh_s, 4 * held.took_s):
                return
            if mark and mark == held.mark and age < 30:
                return
        room, kind = self.room, type(pane)
        self.desks.ask(str(pane.id), (asked, mark), lambda: _timed(lambda: kind.read(room, asked)))

    @on(Read)
    def _received(self, message: Read) -> None:
        done = message.done
        self.desks.received(done)
        if done.desk == PULSE:
            self._beat(done)
        elif done.desk == ACT:
            done.asked(done)
        else:
            self._draw(done)
        self._frame()

    def _beat(self, done: Done) -> None:
        if done.error is not None:
            return
        before, self.pulse = self.pulse, done.value
        if before is None or before.mark != done.value.mark:
            self._read(force=False)

    def _draw(self, done: Done) -> None:
        pane = self.main.query_one(f"#{done.desk}", Pane)
        held = self.held[done.desk]
        if done.error is not None:
            held.problem = printable(done.error, limit=200)
            return
        held.asked, held.mark = done.asked
        value, held.took_s = done.value
        held.read_at, held.problem = self.room.clock(), SafeText("")
        with self.batch_update():
            pane.draw(value)

    # what is always on the screen

    def _frame(self) -> None:
        """Draw the lines above and below the panes."""
        if not self.is_running or not self.main.is_mounted:
            return
        pane = self.pane
        main = self.main
        main.query_one(StatusLine).set_status(self._status())
        alerts = self.pulse.alerts if self.pulse else 0
        tabs = [Tab(k.number, SafeText(k.title), alerts if name == "alerts" else 0) for name, k in panes()]
        main.query_one(TabLine).set_tabs(tabs, pane.number, self.glyphs)
        main.query_one("#head", RuleLine).set_rule(self.glyphs, right=self._pane_state())
        keys = [
            Key(a.shown, a.title, self.check_action(a.id, ()) is True)
            for a in sorted((a for a in actions.ACTIONS if a.footer), key=lambda a: a.footer)
            if actions.works_in(a, str(pane.id))
        ]
        main.query_one(KeyLine).set_keys(keys, self.note)

    def _status(self) -> Status:
        now = self.room.clock()
        short = {"production": "prod", "staging": "stage"}.get(self.environment, self.environment)
        notes = []
        if self.room.read_only:
            notes.append(Cell(SafeText("READ-ONLY"), Tone.WARN))
        if self.paused is not None:
            waiting = self.pulse.rows_since if self.pulse else 0
            notes.append(cell(f"PAUSED +{waiting:,} rows", Tone.WARN))
        following = self.pulse.following(now) if self.pulse else SafeText("opening")
        return Status(printable(f"{short}@{self.host}"), _short_path(str(self.room.home.path)), following, now, notes)

    def _pane_state(self) -> SafeText:
        """How old the shown pane is, if that is worth a word."""
        held = self.held[str(self.pane.id)]
        if held.read_at is None:
            return held.problem or SafeText("reading")
        age = (self.room.clock() - held.read_at).total_seconds()
        if held.problem:
            return SafeText(f"STALE {age:.0f} s: {held.problem}")
        busy = str(self.pane.id) in self.desks.busy
        if busy and self.paused is None and age > STALE_PERIODS * max(self.pane.refresh_s, 4 * held.took_s):
            return SafeText(f"STALE {age:.0f} s: still reading")
        return SafeText("")

    def say(self, text: object, tone: Tone = Tone.ACCENT, seconds: int = 6) -> None:
        """A note in the last line for some seconds."""
        self.note = cell(text, tone)
        self._note_left = seconds
        self._frame()

    # actions: looking

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Grey what would change something in a read-only console, and what does nothing in this pane."""
        found = next((a for a in actions.ACTIONS if a.id == action), None)
        if found is None:
            return True
        if found.mutates and self.room.read_only:
            return None
        return True

    def action_help(self) -> None:
        """What every key does here."""
        self.push_screen(HelpDialog(str(self.pane.id), self.pane.title, read_only=self.room.read_only))

    def action_palette(self) -> None:
        """Every action by its name."""
        self.action_command_palette()

    def action_refresh(self) -> None:
        """Read again now."""
        self._read(force=True)
        self.say("reading again", seconds=1)

    def action_pause(self) -> None:
        """Hold every pane still, or let them move again."""
        self.paused = self.pulse if self.paused is None else None
        if self.paused is None:
            self._read(force=True)
        self._frame()

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
        found = self.pane.detail(event.row)
        if found is not None:
            self.push_screen(DetailDialog(*found))

    # the filter

    def action_filter(self) -> None:
        """Type a filter for the list."""
        if self.pane.grid() is not None:
            self.main.query_one(FilterBar).begin()

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

    # actions: going

    def action_go_back(self) -> None:
        """End the zoom, the filter or the pause, whichever came last; from the top, q ends the console."""
        main = self.main
        if main.maximized is not None:
            main.minimize()
        elif self._grid_filter():
            main.query_one(FilterBar).close(keep=False)
        elif self.paused is not None:
            self.action_pause()
        elif self.pane.number != 1:
            self.show_pane(1)
        else:
            self.action_end()

    def action_end(self) -> None:
        """End the console."""
        self.exit(0, return_code=0)

    def action_interrupt(self) -> None:
        """Twice within two seconds ends the console."""
        now = self.room.clock()
        before, self._interrupted_at = self._interrupted_at, now
        if before is not None and (now - before).total_seconds() <= INTERRUPT_S:
            self.exit(130, return_code=130)
        else:
            self.say("ctrl+c again ends the console", Tone.WARN, seconds=2)

    def action_suspend(self) -> None:
        """Back to the shell."""
        self.action_suspend_process()

    # actions: changing

    def act(self, work: Callable[[], Any], then: Callable[[Done], None]) -> None:
        """Do something that changes the home, in a thread; `then` is told in the user interface."""
        if not self.desks.ask(ACT, then, work):
            self.say("still busy with the last change", Tone.WARN)

    def action_acknowledge(self) -> None:
        """Take on the alert under the cursor."""
        from engine.alerts import acknowledge

        number = getattr(self.pane, "alert_id", None)
        if self.check_action("acknowledge", ()) is not True or number is None:
            return
        room = self.room.writable()
        self.act(
            lambda: acknowledge(room.ledger, number, room.registry.actor, room.clock),
            lambda done: self._told(done, f"alert {number} is yours"),
        )

    def _told(self, done: Done, words: str) -> None:
        """Say what came of a change, and read again."""
        self.say(done.error or words, Tone.WARN if done.error else Tone.GOOD, seconds=10)
        self._read(force=True)

    def action_roll_back(self) -> None:
        """Plan a rollback of the chosen model and show it; nothing changes yet."""
        model = self.pane.model
        if not actions.works_in(actions.by_id("roll_back"), str(self.pane.id)) or model is None:
            self.say("choose a model in 1 Overview or 6 Registry first", Tone.WARN)
            return
        if self.room.read_only:
            self.say("this console is read-only", Tone.WARN)
            return
        room, environment = self.room, self.environment
        self.act(lambda: RollbackDialog.read(room, model, environment), self._planned)

    def _planned(self, done: Done) -> None:
        if done.error is not None:
            self.say(done.error, Tone.WARN, seconds=10)
        else:
            self.push_screen(RollbackDialog(done.value, self.glyphs, self._roll_back), self._rolled_back)

    def _roll_back(self, plan: RollbackPlan, reason: str, then: Callable[[Done], None]) -> None:
        room = self.room
        self.act(lambda: room.writable().registry.rollback(plan, reason=reason), then)

    def _rolled_back(self, deployment: Deployment | None) -> None:
        if deployment is not None:
            self.say(f"{deployment} runs now; R takes this back too", Tone.GOOD, seconds=15)
            self._read(force=True)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    from storage.clock import monotonic_s

    start = monotonic_s()
    value = work()
    return value, monotonic_s() - start


def _short_path(path: str) -> SafeText:
    """A path as its last part, with what is before it shortened."""
    home = os.path.expanduser("~")  # noqa: PTH111 the text, not the file
    if path.startswith(home + "/"):
        path = "~" + path[len(home) :]
    parts = path.split("/")
    return printable(path if len(parts) <= 3 else f"{parts[0]}/…/{parts[-1]}", limit=40)
