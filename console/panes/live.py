"""3 Live: every log as one stream, the newest below, what was flagged marked."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from console import words
from console.ahead import Ahead
from console.cells import Line, SafeText, Tone, cell, printable
from console.pane import Ask, Pane
from console.panes._lines import COLUMNS, event_row, flagged_row
from console.panes._tail import Event, Flag, Tail, Unlanded, read_tail
from console.theme import Glyphs
from console.widgets.bars import Bar
from console.widgets.grid import Grid, Row

if TYPE_CHECKING:
    from engine.room import Room

FORMER = 200
"""So many of the newest rows are looked through for the unfinished form of a record that comes whole."""
FLAGS = 5_000
"""Subjects whose flags are kept for lines that land later."""


class LivePane(Pane[tuple[Tail, list[Row]]]):
    """The stream of requests, statements, jobs and log lines: what has landed, and below it what has not yet."""

    number = 3
    title = "Live"
    refresh_s = 2.0
    """What landed is shown already, as what had not landed yet; it only comes to stay."""
    DEFAULT_CSS: ClassVar[str] = "LivePane #state { height: 1; }"

    @dataclass
    class Came(Message):
        """Rows came that have not landed."""

        unlanded: Unlanded

    def __init__(self) -> None:
        super().__init__()
        self._ahead: Ahead | None = None
        self._unlanded = 0
        self._landed: Mapping[int, int] = {}
        self._commit_id = 0
        self._flags: dict[str, list[Flag]] = {}
        self._sources: Sequence[tuple[str, int]] = ()
        self._skipped = 0

    def compose(self) -> ComposeResult:
        """The stream, and a line that says what is below it and what is behind."""
        yield Grid(COLUMNS, follows=True, empty="nothing landed yet; `watchroom run LOG...` follows logs", id="stream")
        yield Bar(id="state")

    def ask(self) -> Ask:
        """What landed since the last look."""
        return Ask(self.environment, after_commit=self._commit_id)

    @staticmethod
    def read(room: Room, ask: Ask) -> tuple[Tail, list[Row]]:
        """What landed since, as rows ready to be shown."""
        tail = read_tail(room, ask.environment, ask.after_commit)
        return tail, [event_row(event) for event in tail.events]

    def draw(self, snapshot: tuple[Tail, list[Row]]) -> None:
        """Add the rows below, and mark those that were flagged meanwhile."""
        tail, rows = snapshot
        if tail.commit_id == self._commit_id and not tail.first:
            return
        self._commit_id, self._skipped = tail.commit_id, self._skipped + tail.skipped
        self._sources = tail.sources
        self._remember(tail.flags)
        grid = self.query_one("#stream", Grid)
        if tail.flags:
            fresh = {flag.subject for flag in tail.flags}
            grid.replace_rows([self._marked(r) if _subjects(r) & fresh else r for r in grid.rows])
        old, self._landed = self._not_landed(grid, tail.landed), tail.landed
        grid.replace_end(self._unlanded, self._all_marked(self._without_former(grid, rows)) + old)
        self._unlanded = len(old)
        if self._ahead is not None:
            self._ahead.shown(tail.landed)
        self._draw_state()

    def _not_landed(self, grid: Grid, landed: Mapping[int, int]) -> list[Row]:
        """Of the rows at the end that had not landed, those that still have not."""
        rows = list(grid.rows[len(grid.rows) - self._unlanded :])
        return [row for row in rows if isinstance(row.about, Event) and _is_waiting(row.about, landed)]

    def _without_former(self, grid: Grid, rows: list[Row]) -> list[Row]:
        """The rows; an unfinished record that landed for now, and comes again whole, leaves the grid before."""
        again = {(row.key, row.about.ts) for row in rows if isinstance(row.about, Event)}
        settled = grid.rows[: len(grid.rows) - self._unlanded]
        kept = [r for r in settled[-FORMER:] if not isinstance(r.about, Event) or (r.key, r.about.ts) not in again]
        if len(kept) < len(settled[-FORMER:]):
            end = grid.rows[len(settled) :]
            grid.replace_end(len(grid.rows) - len(settled[:-FORMER]), [*kept, *end])
        return rows

    def _all_marked(self, rows: Sequence[Row]) -> list[Row]:
        return [self._marked(r) if _subjects(r) & self._flags.keys() else r for r in rows]

    # what has not landed

    def on_show(self) -> None:
        """Read ahead of the commits while the pane is looked at."""
        room = getattr(self.app, "room", None)
        if self._ahead is None and room is not None:
            self._ahead = Ahead(room, lambda found: self.post_message(self.Came(found)))
            self._ahead.shown(self._landed)

    def on_hide(self) -> None:
        """Stop reading ahead."""
        if self._ahead is not None:
            self._ahead.stop()
            self._ahead = None

    def on_unmount(self) -> None:
        """Stop reading ahead when the console ends."""
        self.on_hide()

    @on(Came)
    def _draw_unlanded(self, message: Came) -> None:
        """Show the newest rows that have not landed below those that have, but none that landed and came meanwhile."""
        if getattr(self.app, "feed").paused is not None:  # noqa: B009 the App's own
            return
        grid = self.query_one("#stream", Grid)
        found, told = message.unlanded, {*message.unlanded.landed, *self._landed}
        rows = [
            event_row(event) for event in found.events
            if _is_waiting(event, self._landed) or event.source_id not in told
        ]  # fmt: skip
        grid.replace_end(self._unlanded, self._all_marked(rows))
        self._unlanded = len(rows)
        self._draw_state()

    @on(Grid.Moved)
    def _draw_state(self) -> None:
        grid = self.query_one("#stream", Grid)
        self.query_one("#state", Bar).show(
            lambda columns, _rows: [state_line(grid, self._sources, self._skipped, columns, self.glyphs)]
        )

    def _remember(self, flags: Iterable[Flag]) -> None:
        for flag in flags:
            self._flags.setdefault(flag.subject, []).append(flag)
        while len(self._flags) > FLAGS:
            del self._flags[next(iter(self._flags))]

    def _marked(self, row: Row) -> Row:
        """The row with its flag, if one of its subjects was flagged at its time."""
        event = row.about
        assert isinstance(event, Event)
        for _, subject in event.subjects:
            for flag in self._flags.get(subject, ()):
                if subject and _covers(flag, event):
                    return flagged_row(row, flag, self.glyphs)
        return row

    def detail(self, row: Row) -> tuple[SafeText, SafeText] | None:
        """The line with all that is known of it."""
        if not isinstance(row.about, Event):
            return None
        event = row.about
        lines = [f"time    {words.stamp(event.ts)}", f"from    {printable(event.key)}"]
        lines += [f"{name:7} {printable(value)}" for name, value in event.subjects if value]
        lines += ["", *(printable(part) for part in event.parts if part)]
        flags = [f for _, s in event.subjects for f in self._flags.get(s, ()) if s and _covers(f, event)]
        lines += ["", *(f"{printable(f.model)}: {printable(f.reason)}" for f in flags)]
        return SafeText(f"{event.kind} line"), SafeText("\n".join(lines))


def _is_waiting(event: Event, landed: Mapping[int, int]) -> bool:
    """Whether a row that had not landed lies behind what has landed of its log by now; not if that lives no more."""
    return event.byte_offset >= landed.get(event.source_id, sys.maxsize)


def _subjects(row: Row) -> set[str]:
    return {value for _, value in row.about.subjects} if isinstance(row.about, Event) else set()


def _covers(flag: Flag, event: Event) -> bool:
    """Whether the event lies in the flag's window; one without a time does if the subject is the same."""
    if event.ts is None or flag.start is None or flag.end is None:
        return True
    return flag.start <= event.ts <= flag.end


def state_line(grid: Grid, sources: Sequence[tuple[str, int]], skipped: int, columns: int, glyphs: Glyphs) -> Line:
    """What is below the view, what was too much to show, and how far each log is behind."""
    if grid.following:
        flagged = sum(1 for row in grid.shown if row.marked)
        marks = f" · {flagged:,} flagged (E goes there)" if flagged else ""
        left = cell(f" following · {len(grid.shown):,} rows{marks}", Tone.GOOD)
    else:
        left = cell(f" {glyphs.more} {grid.unseen:,} new (G to follow)", Tone.WARN)
    over = f"   {skipped:,} more landed than is shown; `watchroom sql` has all" if skipped else ""
    behind = " · ".join(f"{printable(name, limit=24)} {_size(size)} behind" for name, size in sources)
    room = columns - len(left.text) - len(over) - 2
    right = behind if len(behind) <= room else f"{sum(1 for _, s in sources if s)} of {len(sources)} logs behind"
    return (left, cell(over, Tone.DIM), cell(f"{right:>{max(1, room)}} ", Tone.DIM))


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
