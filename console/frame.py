"""What is on the screen whatever pane is shown: the lines above and below it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from console import actions
from console.cells import Cell, SafeText, Tone, cell, printable
from console.pane import panes
from console.widgets.bars import Key, KeyLine, RuleLine, Status, StatusLine, Tab, TabLine

if TYPE_CHECKING:
    from console.shell import WatchroomApp

LEAST_COLUMNS, LEAST_ROWS = 60, 15
"""The smallest terminal in which every pane shows its key column and state."""
SHORT = {"production": "prod", "staging": "stage"}
"""Names of environments as people on call say them."""


def draw_frame(app: WatchroomApp) -> None:
    """Draw the lines above and below the panes."""
    screen, pane, feed = app.main, app.pane, app.feed
    alerts = feed.pulse.alerts if feed.pulse else 0
    tabs = [Tab(kind.number, SafeText(kind.title), alerts if name == "alerts" else 0) for name, kind in panes()]
    screen.query_one(StatusLine).set_status(status(app))
    screen.query_one(TabLine).set_tabs(tabs, pane.number, app.glyphs)
    screen.query_one("#head", RuleLine).set_rule(app.glyphs, right=feed.state(pane))
    screen.query_one(KeyLine).set_keys(keys(app), app.note or too_small(screen.size.width, screen.size.height))


def too_small(columns: int, rows: int) -> Cell | None:
    """What to say of a terminal too small to be read."""
    if columns >= LEAST_COLUMNS and rows >= LEAST_ROWS:
        return None
    return cell(f"{columns}x{rows} is small: {LEAST_COLUMNS}x{LEAST_ROWS} at least, 80x24 is good", Tone.WARN)


def status(app: WatchroomApp) -> Status:
    """Where one is, what feeds the home, and what is unusual."""
    now, feed = app.room.clock(), app.feed
    notes = [Cell(SafeText("READ-ONLY"), Tone.WARN)] if app.room.read_only else []
    if feed.paused is not None:
        waiting = feed.pulse.rows_since if feed.pulse else 0
        notes.append(cell(f"PAUSED +{waiting:,} rows", Tone.WARN))
    following = feed.pulse.following(now) if feed.pulse else SafeText("opening")
    place = printable(f"{SHORT.get(app.environment, app.environment)}@{app.host}")
    return Status(place, short_path(str(app.room.home.path)), following, now, notes)


def keys(app: WatchroomApp) -> list[Key]:
    """The keys of the last line, in their order."""
    shown = sorted((a for a in actions.ACTIONS if a.footer), key=lambda a: a.footer)
    pane = str(app.pane.id)
    return [Key(a.shown, a.title, app.check_action(a.id, ()) is True) for a in shown if actions.works_in(a, pane)]


def short_path(path: str) -> SafeText:
    """A path as its last part, with what is before it shortened."""
    home = os.path.expanduser("~")  # noqa: PTH111 the text, not the file
    if path.startswith(home + "/"):
        path = "~" + path[len(home) :]
    parts = path.split("/")
    return printable(path if len(parts) <= 3 else f"{parts[0]}/…/{parts[-1]}", limit=40)
