"""4 Findings: everything that was flagged, why, and whether it was right; a key says what was true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult

from console import words
from console.cells import EMPTY, Cell, SafeText, Tone, cell, printable
from console.pane import Ask, Pane
from console.panes._details import Record, finding_text, short_subject
from console.theme import Glyphs
from console.widgets.bars import RuleLine
from console.widgets.beside import Said
from console.widgets.grid import Column, Grid, Row

if TYPE_CHECKING:
    from engine.room import Room

COLUMNS = (
    Column("when", 12), Column("model", 15), Column("score", 5, right=True), Column("truth", 11), Column("subject", 15),
    Column("why", 0), Column("cut-off", 7, right=True, least=120), Column("version", 8, least=120),
)  # fmt: skip
SHOWN = 500

_NEWEST = """SELECT ts, prediction_id, model, version, subject, window_start, window_end, score, threshold, reason,
evidence, features, truth FROM findings WHERE environment = ? ORDER BY ts DESC, prediction_id LIMIT ?"""
_COUNT = "SELECT count(*) AS n FROM findings WHERE environment = ?"


@dataclass(frozen=True, slots=True)
class Findings:
    """The newest findings, and how many there are in all."""

    at: datetime
    rows: Sequence[Record]
    total: int


class FindingsPane(Pane[Findings]):
    """What was flagged, newest first; t and f say what was true."""

    number = 4
    title = "Findings"
    refresh_s = 3.0

    def compose(self) -> ComposeResult:
        """One list, how much of all it is, and why the one under the cursor was flagged."""
        yield Grid(COLUMNS, empty="nothing was flagged", chooses=True, id="found")
        yield RuleLine(id="share")
        yield Said(id="why")

    @staticmethod
    def read(room: Room, ask: Ask) -> Findings:
        """The newest of the environment."""
        rows = room.reader.query(_NEWEST, [ask.environment, SHOWN]).to_dicts()
        total = len(rows) if len(rows) < SHOWN else room.reader.query(_COUNT, [ask.environment])["n"][0]
        return Findings(room.clock(), rows, total)

    def draw(self, snapshot: Findings) -> None:
        """The list anew."""
        self.query_one(Grid).set_rows([finding_row(f, snapshot.at, self.glyphs) for f in snapshot.rows])
        share = f"{len(snapshot.rows):,} of {snapshot.total:,} shown" if snapshot.total > len(snapshot.rows) else ""
        self.query_one(RuleLine).set_rule(self.glyphs, right=SafeText(share))

    @on(Grid.Moved)
    def _draw_why(self) -> None:
        finding = self.finding
        self.query_one(Said).tell(
            printable(f"{finding['subject']}: {finding['reason'] or 'no reason given'}") if finding else EMPTY
        )

    @property
    def finding(self) -> Record | None:
        """The finding under the cursor."""
        row = self.query_one(Grid).current
        return row.about if row and isinstance(row.about, dict) else None

    def detail(self, row: Row) -> tuple[SafeText, SafeText] | None:
        """A finding with its evidence."""
        if not isinstance(row.about, dict):
            return None
        return printable(f"{row.about['model']}: {row.about['subject']}"), finding_text(row.about)


def finding_row(finding: Record, at: datetime, glyphs: Glyphs) -> Row:
    """One finding: `right` and `false alarm` are what its label says."""
    truth = {True: f"{glyphs.ok} right", False: "false alarm"}.get(finding["truth"], words.UNKNOWN)
    tone = {True: Tone.GOOD, False: Tone.WARN}.get(finding["truth"], Tone.DIM)
    return Row(
        finding["prediction_id"],
        (
            Cell(words.moment(finding["ts"], at), Tone.DIM), cell(finding["model"]),
            Cell(words.rate(finding["score"], 2), Tone.STRONG), cell(truth, tone),
            Cell(short_subject(finding["subject"])), cell(printable(finding["reason"] or "", limit=400)),
            Cell(words.setting(finding["threshold"]), Tone.DIM), cell(finding["version"], Tone.DIM),
        ),
        marked=finding["truth"] is False,
        about=finding,
    )  # fmt: skip
