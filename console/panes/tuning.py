"""5 Tuning: every search for a better threshold, what it found, and which gate let it through or not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from console import words
from console.cells import Cell, Line, SafeText, Tone, cell, printable
from console.pane import Ask, Pane
from console.panes._details import Record, fields_text
from console.theme import Glyphs
from console.widgets.bars import RuleLine
from console.widgets.grid import Column, Grid, Row
from console.widgets.lines import Sheet

if TYPE_CHECKING:
    from engine.room import Room

COLUMNS = (
    Column("when", 12), Column("model", 16), Column("cut-off now", 11, right=True), Column("best", 6, right=True),
    Column("gain", 7, right=True), Column("verdict", 14), Column("since", 0), Column("environment", 11, least=120),
    Column("n", 7, right=True, least=100), Column("apparent", 8, right=True, least=120),
    Column("why", 0, least=120),
)  # fmt: skip
ROWS = 200

_RUNS = "SELECT * FROM tuning_runs WHERE environment = ? ORDER BY id DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class Tuning:
    """The newest tuning runs of the environment."""

    at: datetime
    runs: Sequence[Record]


class TuningPane(Pane[Tuning]):
    """Searches for a better threshold, and the gates of the chosen one."""

    number = 5
    title = "Tuning"
    refresh_s = 5.0
    DEFAULT_CSS: ClassVar[str] = """
    TuningPane #searches { height: 1fr; min-height: 3; }
    TuningPane #gates { height: 9; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._chosen: str | None = None

    def compose(self) -> ComposeResult:
        """The searches, and what decided over the chosen one."""
        none = "no search for a better threshold yet; `watchroom tune MODEL` makes one"
        yield Grid(COLUMNS, empty=none, chooses=True, id="searches")
        yield RuleLine(id="decided")
        yield Sheet(id="gates")

    @staticmethod
    def read(room: Room, ask: Ask) -> Tuning:
        """The newest searches."""
        return Tuning(room.clock(), room.reader.query(_RUNS, [ask.environment, ROWS]).to_dicts())

    def draw(self, snapshot: Tuning) -> None:
        """The list anew."""
        self.query_one(Grid).set_rows([run_row(r, snapshot.at, self.glyphs) for r in snapshot.runs])
        self._draw_gates()

    @property
    def model(self) -> str | None:
        """The model of the search under the cursor, else the one that was chosen in another pane."""
        row = self.query_one(Grid).current if self.is_mounted else None
        return str(row.about["model"]) if row and isinstance(row.about, dict) else self._chosen

    def choose(self, model: str) -> None:
        """Put the cursor on the newest search of a model."""
        self._chosen = model
        rows = self.query_one(Grid).rows
        key = next((r.key for r in rows if isinstance(r.about, dict) and r.about["model"] == model), None)
        if key is not None:
            self.query_one(Grid).go_to(key)

    @on(Grid.Moved)
    def _draw_gates(self) -> None:
        row = self.query_one(Grid).current
        run = row.about if row and isinstance(row.about, dict) else None
        title = printable(f"why: {run['detail']}", limit=100) if run else SafeText("")
        self.query_one(RuleLine).set_rule(self.glyphs, title)
        lines = gate_lines(run, self.glyphs) if run else []
        self.query_one("#gates", Sheet).show(lambda _columns, _rows: lines)

    def detail(self, row: Row) -> tuple[SafeText, SafeText] | None:
        """A search in full, with its curve."""
        if not isinstance(row.about, dict):
            return None
        return printable(f"tuning run {row.about['id']} of {row.about['model']}"), fields_text(row.about)


def run_row(run: Record, at: datetime, glyphs: Glyphs) -> Row:
    """One search; `gain` is on data that the threshold was not chosen on."""
    applied = run["verdict"] == "applied"
    tone = Tone.GOOD if applied else Tone.PLAIN if run["verdict"] == "proposed" else Tone.DIM
    return Row(
        str(run["id"]),
        (
            Cell(words.moment(run["ts"], at), Tone.DIM), cell(run["model"], Tone.STRONG),
            Cell(words.setting(run["current_threshold"])), _known(run["best_threshold"]),
            _percent(run["crossfit_gain"]), cell(f"{glyphs.ok if applied else glyphs.unknown} {run['verdict']}", tone),
            cell(run["check_verdict"] or ""),
            cell(run["environment"], Tone.DIM), Cell(words.count(run["n"]), Tone.DIM), _percent(run["apparent_gain"]),
            cell(printable(run["detail"] or "", limit=300), Tone.DIM),
        ),
        marked=applied,
        about=run,
    )  # fmt: skip


def gate_lines(run: Record, glyphs: Glyphs) -> list[Line]:
    """Each gate, whether it let the change through, and why."""
    try:
        gates = json.loads(run["gates"] or "{}")
    except ValueError:
        return [(cell(run["gates"], Tone.DIM),)]
    out: list[Line] = []
    for name, gate in gates.items():
        fine = bool(gate.get("ok")) if isinstance(gate, dict) else bool(gate)
        why = str(gate.get("why", "")) if isinstance(gate, dict) else ""
        mark = cell(f" {glyphs.ok if fine else glyphs.firing} ", Tone.GOOD if fine else Tone.BAD)
        passed = "passed " if fine else "stopped"
        out.append((mark, cell(f"{passed} {printable(name):24} "), cell(printable(why, limit=200), Tone.DIM)))
    return out


def _known(value: float | None) -> Cell:
    return Cell(words.UNKNOWN if value is None else words.setting(round(value, 4)))


def _percent(value: float | None) -> Cell:
    return cell(words.UNKNOWN if value is None else f"{100 * value:+.1f} %")
