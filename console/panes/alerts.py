"""2 Alerts: what is wrong now, who has it, and what was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from console import words
from console.cells import EMPTY, Cell, SafeText, Tone, cell, printable
from console.pane import Ask, Pane
from console.panes._details import Record, fields_text
from console.theme import Glyphs
from console.widgets.bars import RuleLine
from console.widgets.beside import Said
from console.widgets.grid import Column, Grid, Row

if TYPE_CHECKING:
    from engine.room import Room

OPEN = (
    Column("state", 12), Column("severity", 8), Column("since", 8, least=100), Column("for", 6, right=True),
    Column("what", 0), Column("value", 6, right=True, least=100), Column("limit", 6, right=True, least=100),
    Column("n", 6, right=True, least=100), Column("who has it", 12),
)  # fmt: skip
PAST = (
    Column("when", 12), Column("became", 13), Column("severity", 8, least=100), Column("alert", 5, right=True),
    Column("what", 0), Column("by", 16), Column("note", 24, least=120),
)  # fmt: skip
PAST_ROWS = 200

_HISTORY = "SELECT * FROM alert_history ORDER BY id DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class Alerts:
    """The open alerts, the newest changes of all, and the moment they were read."""

    at: datetime
    open: Sequence[Record]
    history: Sequence[Record]


class AlertsPane(Pane[Alerts]):
    """Open alerts on top, what happened to alerts below."""

    number = 2
    title = "Alerts"
    DEFAULT_CSS: ClassVar[str] = """
    AlertsPane #open { height: 2fr; min-height: 3; }
    AlertsPane #past { height: 3fr; min-height: 3; }
    """

    def compose(self) -> ComposeResult:
        """Two lists, and between them the open alert under the cursor in full."""
        yield Grid(OPEN, empty="no open alert", chooses=True, id="open")
        yield Said(id="whole")
        yield RuleLine(id="what-was")
        yield Grid(PAST, empty="no alert was ever raised here", id="past")

    @staticmethod
    def read(room: Room, ask: Ask) -> Alerts:
        """Both lists, of every environment: an alert elsewhere is still an alert."""
        del ask
        open_ = room.reader.query("SELECT * FROM open_alerts").to_dicts()
        return Alerts(room.clock(), open_, room.reader.query(_HISTORY, [PAST_ROWS]).to_dicts())

    def draw(self, snapshot: Alerts) -> None:
        """Both lists anew."""
        self.query_one("#open", Grid).set_rows([open_row(a, snapshot.at, self.glyphs) for a in snapshot.open])
        self.query_one("#past", Grid).set_rows([past_row(c, snapshot.at) for c in snapshot.history])
        shown = len(snapshot.history)
        right = f"the newest {shown}; `watchroom alerts --history` has all" if shown == PAST_ROWS else ""
        self.query_one("#what-was", RuleLine).set_rule(self.glyphs, SafeText("what happened"), SafeText(right))

    @on(Grid.Moved, "#open")
    def _draw_whole(self) -> None:
        said = self.query_one(Said)
        said.display = self.alert is not None
        said.tell(alert_words(self.alert) if self.alert else EMPTY)

    @property
    def alert(self) -> Record | None:
        """The open alert under the cursor."""
        row = self.query_one("#open", Grid).current
        return row.about if row and isinstance(row.about, dict) else None

    def detail(self, row: Row) -> tuple[SafeText, SafeText] | None:
        """An alert or its change in full."""
        if not isinstance(row.about, dict):
            return None
        return printable(row.about["summary"], limit=90), fields_text(row.about)


def alert_words(alert: Record) -> SafeText:
    """An alert in a few sentences: what, against which limit, and who is told."""
    parts = [f"{alert['summary']}."]
    if alert["value"] is not None and alert["limit_value"] is not None:
        over = f" over {words.count(alert['n'])}" if alert["n"] else ""
        parts.append(f"{words.rate(alert['value'])}{over}, limit {words.rate(alert['limit_value'])}.")
    if alert["acknowledged_by"]:
        parts.append(f"{alert['acknowledged_by']} has it until {words.clock(alert['acknowledged_until'])[:5]}.")
    if alert["silenced_by"]:
        parts.append(f"Silenced by {alert['silenced_by']} until {words.clock(alert['silenced_until'])[:5]}.")
    return printable(" ".join(parts))


def open_row(alert: Record, at: datetime, glyphs: Glyphs) -> Row:
    """An open alert: its state in words, since when, and whose it is."""
    firing = alert["state"] in {"firing", "recovering"}
    since = alert["fired_ts"] or alert["pending_ts"]
    told = alert["severity"] == "info"
    symbol = glyphs.unknown if told else glyphs.firing if firing else glyphs.watch
    owner = alert["acknowledged_by"] or (f"silent: {alert['silenced_by']}" if alert["silenced_by"] else "nobody")
    tone = Tone.DIM if told else Tone.BAD if firing and not alert["acknowledged_by"] else Tone.WARN
    summary = printable(alert["summary"], limit=300)
    if alert["is_flapping"]:
        summary = SafeText(f"(flapping) {summary}")
    return Row(
        str(alert["id"]),
        (
            cell(f"{symbol} {'info' if told else str(alert['state']).upper()}", tone), cell(alert["severity"]),
            Cell(words.clock(since), Tone.DIM), Cell(words.span(at - since), Tone.DIM), Cell(summary),
            Cell(words.rate(alert["value"])), Cell(words.rate(alert["limit_value"])), Cell(words.count(alert["n"])),
            cell(owner, Tone.PLAIN if alert["acknowledged_by"] else Tone.DIM),
        ),
        marked=firing and not told,
        about=alert,
    )  # fmt: skip


def past_row(change: Record, at: datetime) -> Row:
    """One change of one alert."""
    tone = {"firing": Tone.BAD, "resolved": Tone.GOOD}.get(change["to_state"], Tone.PLAIN)
    return Row(
        f"change {change['id']}",
        (
            Cell(words.moment(change["ts"], at), Tone.DIM), cell(change["to_state"], tone), cell(change["severity"]),
            cell(change["alert_id"], Tone.DIM), cell(printable(change["summary"], limit=300), Tone.DIM),
            cell(change["actor"]), cell(change["note"] or "", Tone.DIM),
        ),
        marked=change["to_state"] == "firing",
        about=change,
    )  # fmt: skip
