"""8 Jobs: the periodic work of the house: what runs when, how it went, and what it said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from console import words
from console.cells import Cell, SafeText, Tone, cell, printable
from console.pane import Ask, Pane
from console.panes._details import Record, fields_text
from console.theme import Glyphs
from console.widgets.bars import RuleLine
from console.widgets.grid import Column, Grid, Row

if TYPE_CHECKING:
    from engine.room import Room

HEALTH = (
    Column("job", 27), Column("every", 6, right=True), Column("last run", 12), Column("went", 10),
    Column("next", 11), Column("fails", 5, right=True), Column("24 h", 0, least=90), Column("about", 0, least=120),
)  # fmt: skip
RUNS = (
    Column("slot", 12), Column("job", 27), Column("outcome", 16), Column("took", 8, right=True),
    Column("late", 6, right=True, least=100), Column("why it ran", 10, least=100), Column("said", 0),
)  # fmt: skip
RUN_ROWS = 200

_HEALTH = "SELECT * FROM job_health"
_RUNS = "SELECT * FROM job_runs ORDER BY id DESC LIMIT ?"
_GOOD, _BAD = {"success"}, {"failure", "timeout", "missed"}


@dataclass(frozen=True, slots=True)
class Jobs:
    """Every periodic job, and the newest runs of all."""

    at: datetime
    health: Sequence[Record]
    runs: Sequence[Record]


class JobsPane(Pane[Jobs]):
    """Every periodic job and its health on top, the newest runs below."""

    number = 8
    title = "Jobs"
    refresh_s = 5.0
    DEFAULT_CSS: ClassVar[str] = """
    JobsPane #health { height: 2fr; min-height: 3; }
    JobsPane #runs { height: 3fr; min-height: 3; }
    """

    def compose(self) -> ComposeResult:
        """Two lists."""
        none = "no job is scheduled yet; `watchroom run LOG...` runs them"
        yield Grid(HEALTH, empty=none, chooses=True, id="health")
        yield RuleLine(id="newest-runs")
        yield Grid(RUNS, empty="no job ran yet", id="runs")

    @staticmethod
    def read(room: Room, ask: Ask) -> Jobs:
        """Both lists; jobs are of the whole home."""
        del ask
        runs = room.reader.query(_RUNS, [RUN_ROWS]).to_dicts()
        return Jobs(room.clock(), room.reader.query(_HEALTH).to_dicts(), runs)

    def draw(self, snapshot: Jobs) -> None:
        """Both lists anew."""
        self.query_one("#health", Grid).set_rows([health_row(j, snapshot.at, self.glyphs) for j in snapshot.health])
        self.query_one("#runs", Grid).set_rows([run_row(r, snapshot.at, self.glyphs) for r in snapshot.runs])
        self.query_one(RuleLine).set_rule(self.glyphs, SafeText("newest runs"))

    @property
    def job(self) -> Record | None:
        """The job under the cursor."""
        row = self.query_one("#health", Grid).current
        return row.about if row and isinstance(row.about, dict) else None

    def detail(self, row: Row) -> tuple[SafeText, SafeText] | None:
        """A job or a run in full, with its output."""
        if not isinstance(row.about, dict):
            return None
        return printable(row.about["job"]), fields_text(row.about)


def health_row(job: Record, at: datetime, glyphs: Glyphs) -> Row:
    """A periodic job: how often, how the last run went, when the next is due."""
    rate = job["success_rate_24h"]
    went = _outcome(job["last_outcome"], glyphs)
    if job["is_running"]:
        went = cell("running", Tone.ACCENT)
    held = job["paused_until"] is not None and job["paused_until"] > at
    if held:
        went = cell("paused", Tone.WARN)
    return Row(
        job["job"],
        (
            cell(job["job"], Tone.STRONG), Cell(words.span(timedelta(seconds=job["every_s"])), Tone.DIM),
            Cell(words.moment(job["last_ended_ts"], at), Tone.DIM), went,
            Cell(words.moment(job["paused_until"] if held else job["next_slot_ts"], at)),
            cell(job["consecutive_failures"], Tone.BAD if job["consecutive_failures"] else Tone.DIM),
            cell("" if rate is None else f"{rate:.0%} of {job['runs_24h']}", Tone.DIM), cell(job["about"], Tone.DIM),
        ),
        marked=bool(job["consecutive_failures"]),
        about=job,
    )  # fmt: skip


def run_row(run: Record, at: datetime, glyphs: Glyphs) -> Row:
    """One run, or a slot that had none."""
    said = run["error"] or run["output"] or ""
    took, late = run["duration_s"], run["late_s"]
    return Row(
        str(run["id"]),
        (
            Cell(words.moment(run["slot_ts"], at), Tone.DIM), cell(run["job"]), _outcome(run["outcome"], glyphs),
            Cell(words.milliseconds(None if took is None else took * 1000)),
            Cell(words.UNKNOWN if late is None else words.span(timedelta(seconds=late)), Tone.DIM),
            cell(run["trigger_kind"], Tone.DIM), cell(printable(said, limit=300), Tone.DIM),
        ),
        marked=run["outcome"] in _BAD,
        about=run,
    )  # fmt: skip


def _outcome(outcome: str | None, glyphs: Glyphs) -> Cell:
    if outcome is None:
        return cell("never ran", Tone.DIM)
    if outcome in _GOOD:
        return cell(f"{glyphs.ok} {outcome}", Tone.GOOD)
    return cell(
        f"{glyphs.firing} {outcome}" if outcome in _BAD else outcome, Tone.BAD if outcome in _BAD else Tone.PLAIN
    )
