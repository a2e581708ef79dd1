"""1 Overview: which models run, how well, how much, and what is new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from console import words
from console.cells import EMPTY, Cell, Line, SafeText, Tone, cell, fit, printable
from console.pane import Ask, Pane
from console.panes._details import Record, fields_text, finding_text, short_subject
from console.panes._standing import HISTORY, Overview, Standing, read_overview
from console.theme import Glyphs
from console.widgets.bars import RuleLine
from console.widgets.charts import Mark, Series, over_time, trend
from console.widgets.grid import Column, Grid, Row
from console.widgets.lines import Sheet

if TYPE_CHECKING:
    from engine.room import Room

MODELS = (
    Column("model", 16), Column("version", 8), Column("state", 9), Column("acc₁₀₀", 7, right=True),
    Column("acc₁₀₀₀", 7, right=True), Column("limit", 5, right=True), Column("F1", 5, right=True),
    Column("pred/min", 8, right=True), Column("trend", 6), Column("FPR", 6, right=True, least=100),
    Column("threshold", 9, right=True, least=100), Column("config", 6, right=True, least=120),
    Column("judged", 10, right=True, least=120), Column("flagged", 9, right=True, least=120),
    Column("labelled", 9, right=True, least=140), Column("since", 12, least=140), Column("by", 0, least=160),
)  # fmt: skip
NEWS = (Column("", 8), Column("", 16, least=70), Column("", 0))
DATED = (Column("", 11), *NEWS[1:])
"""Where something is older than today, and its time has a date."""
SIDE_COLUMNS = 29
MISTAKES = 20
"""A model's newest mistakes that are shown with it."""


class OverviewPane(Pane[Overview]):
    """Models, the course of the chosen one, and the newest findings and alerts."""

    number = 1
    title = "Overview"
    DEFAULT_CSS: ClassVar[str] = """
    OverviewPane #models { height: auto; max-height: 9; }
    OverviewPane #course { height: 4fr; min-height: 5; max-height: 18; }
    OverviewPane #news { height: 3fr; min-height: 3; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: Overview | None = None
        self._wanted: str | None = None

    def compose(self) -> ComposeResult:
        """The models on top, the course of the chosen one below, then what is new."""
        yield Grid(
            MODELS, empty="no model is deployed here; `watchroom deploy` puts one here", chooses=True, id="models"
        )
        yield RuleLine(id="chosen")
        yield Sheet(id="course")
        yield RuleLine(id="newest")
        yield Grid(NEWS, empty="nothing was flagged and no alert was raised", id="news")

    @staticmethod
    def read(room: Room, ask: Ask) -> Overview:
        """Everything, from the views."""
        return read_overview(room, ask.environment)

    def draw(self, snapshot: Overview) -> None:
        """All parts anew."""
        self._held = snapshot
        models = self.query_one("#models", Grid)
        models.set_rows([model_row(s, self.glyphs, snapshot.at) for s in snapshot.standings])
        models.styles.height = min(9, max(1, len(snapshot.standings)) + 1)
        if self._wanted is not None:
            self.choose(self._wanted)
        news, rows = self.query_one("#news", Grid), news_rows(snapshot, self.glyphs)
        news.columns = NEWS if all(len(row.cells[0].text) <= 8 for row in rows) else DATED
        news.set_rows(rows)
        flagged = sum(s.now["flagged"] for s in snapshot.standings)
        self.query_one("#newest", RuleLine).set_rule(
            self.glyphs, SafeText("newest findings and alerts"), SafeText(f"{words.count(flagged)} flagged in all")
        )
        self._draw_chosen()

    @property
    def model(self) -> str | None:
        """The model under the cursor."""
        row = self.query_one("#models", Grid).current if self.is_mounted else None
        return row.key if row else None

    @on(Grid.Moved, "#models")
    def _chosen_moved(self) -> None:
        self._draw_chosen()

    def _draw_chosen(self) -> None:
        standings = self._held.standings if self._held else ()
        chosen = next((s for s in standings if s.model == self.model), None)
        if self._held is None or chosen is None:
            self.query_one("#chosen", RuleLine).set_rule(self.glyphs)
            self.query_one("#course", Sheet).show(lambda _columns, _rows: ())
            return
        self.query_one("#chosen", RuleLine).set_rule(self.glyphs, headline(chosen, self._held.at))
        self.query_one("#course", Sheet).show(lambda columns, rows: course(chosen, (columns, rows), self.glyphs))

    def choose(self, model: str) -> None:
        """Put the cursor on a model."""
        self._wanted = None if self.query_one("#models", Grid).go_to(model) else model

    def detail(self, row: Row) -> tuple[SafeText, SafeText] | None:
        """A model's figures in full, a finding with its evidence, an alert's change."""
        if isinstance(row.about, Standing):
            return printable(row.about.model), fields_text(dict(row.about.now) | dict(row.about.window))
        if not isinstance(row.about, dict):
            return None
        if "prediction_id" in row.about:
            return printable(f"{row.about['model']}: {row.about['subject']}"), finding_text(row.about)
        return printable(f"alert {row.about['to_state']}"), fields_text(row.about)

    @staticmethod
    def more(room: Room, row: Row) -> SafeText:
        """A model's newest mistakes."""
        from engine.monitor import errors

        if not isinstance(row.about, Standing):
            return EMPTY
        wrong = errors(room.reader, row.about.model, row.about.now["environment"], MISTAKES)
        return mistakes_text(wrong.to_dicts(), row.about.model)


def mistakes_text(wrong: Sequence[Record], model: str) -> SafeText:
    """Mistakes, the newest first, a line each."""
    if not wrong:
        return SafeText("no labelled verdict is wrong")
    lines = [
        f"{words.stamp(e['ts'])}  {e['error'].replace('_', ' '):14}  {words.rate(e['score'], 2)}"
        f"  {short_subject(e['subject'])}  {printable(e['reason'] or '', limit=200)}"
        for e in wrong
    ]
    head = f"newest mistakes; `watchroom analyze-errors {printable(model)}` groups them all"
    return SafeText("\n".join([head, *lines]))


def model_row(standing: Standing, glyphs: Glyphs, at: datetime) -> Row:
    """A model as a row of the list."""
    now = standing.now
    limit = now["accuracy_limit"]
    return Row(
        standing.model,
        (
            cell(standing.model, Tone.STRONG), cell(now["version"]), glyphs.state(now["state"]),
            _against(now["acc100"], limit), _against(now["acc1000"], limit), Cell(words.rate(limit, 2), Tone.DIM),
            Cell(words.rate(now["f1"])), Cell(words.count(now["predictions_per_min"])),
            Cell(trend(standing.per_minute[-6:], glyphs), Tone.ACCENT), Cell(words.rate(now["fpr"])),
            Cell(words.setting(now["threshold"])), cell(now["config_revision"]), Cell(words.count(now["predictions"])),
            Cell(words.count(now["flagged"])), Cell(words.count(now["n"])),
            Cell(words.moment(now["deployed_ts"], at), Tone.DIM), cell(now["deployed_by"], Tone.DIM),
        ),
        marked=now["state"] in {"FIRING", "WATCH"},
        about=standing,
    )  # fmt: skip


def _against(value: float | None, limit: float) -> Cell:
    tone = Tone.DIM if value is None else Tone.BAD if value < limit else Tone.PLAIN
    return Cell(words.rate(value), tone)


def headline(standing: Standing, at: datetime) -> SafeText:
    """Which deployment the course is of."""
    now = standing.now
    since = now["deployed_ts"]
    ran = f" ({words.span(at - since)})" if since else ""
    return printable(
        f"{standing.model} {now['version']} · {now['environment']} since {words.clock(since)[:5]}{ran}"
        f" · threshold {words.setting(now['threshold'])}"
    )


def course(standing: Standing, size: tuple[int, int], glyphs: Glyphs) -> Sequence[Line]:
    """The chart of accuracy, with the confusion beside it where there is room."""
    columns, rows = size
    side = confusion(standing) if columns >= 70 else []
    wide = columns - (SIDE_COLUMNS if side else 1)
    chart = _chart(standing, wide, rows, glyphs)
    if not chart:
        words_ = "  accuracy is not known yet: nothing is labelled; in Findings t and f do"
        chart = [(), (Cell(fit(SafeText(words_), wide), Tone.DIM),)]
        if standing.estimate:
            chart += [(cell("  without labels it is estimated at "), *_estimate(standing.estimate))]
    out: list[Line] = []
    for row in range(min(rows, max(len(chart), len(side)))):
        left = chart[row] if row < len(chart) else ()
        used = sum(len(c.text) for c in left)
        right = side[row] if row < len(side) else ()
        out.append((*left, Cell(SafeText(" " * max(1, wide - used + 1))), *right))
    return out


def _chart(standing: Standing, columns: int, rows: int, glyphs: Glyphs) -> list[Line]:
    if not standing.history:
        return []
    end = standing.history[-1][0] + timedelta(minutes=1)
    start = max(min(standing.history[0][0], end - timedelta(minutes=10)), end - HISTORY)
    marks = [Mark(c["started_ts"], _mark_words(c)) for c in standing.changes[1:]]
    return over_time(Series(standing.history, standing.now["accuracy_limit"], start, end, marks), columns, rows, glyphs)


def _mark_words(change: Record) -> SafeText:
    what = f"config {change['config_revision']}" if change["kind"] in {"config", "tune"} else change["version"]
    kind = {"config": "", "tune": "tuned "}.get(change["kind"], f"{change['kind']} ")
    return printable(f"{kind}{what}")


def confusion(standing: Standing) -> list[Line]:
    """What was flagged against what was true, over the last 1000 labelled predictions."""
    window = standing.window
    if not window or not window["n"]:
        return []

    def row(title: str, *numbers: SafeText, tone: Tone = Tone.PLAIN) -> Line:
        return (
            cell(f"{title:9}", Tone.DIM),
            *(Cell(SafeText(n.rjust(9)), tone if i == wrong else Tone.PLAIN) for i, n in enumerate(numbers)),
        )

    wrong = 1
    bad = row("true", words.count(window["tp"]), words.count(window["fn"]), tone=Tone.WARN)
    wrong = 0
    fine = row("false", words.count(window["fp"]), words.count(window["tn"]), tone=Tone.WARN)
    delay = window["label_delay_s"]
    low, high = window["accuracy_low"], window["accuracy_high"]
    lines: list[Line] = [
        (cell(f"last {words.count(window['n'])} labelled", Tone.DIM),),
        (cell(" " * 9), cell("  flagged", Tone.DIM), cell("   passed", Tone.DIM)),
        bad, fine,
        (cell("accuracy ", Tone.DIM), cell(words.rate(window["accuracy"]))),
        (cell("  95 %   ", Tone.DIM), cell(f"{words.rate(low)} – {words.rate(high)}")),
    ]  # fmt: skip
    if standing.estimate:
        lines.append((cell("estimate ", Tone.DIM), *_estimate(standing.estimate)))
    if delay is not None and delay >= 1:
        lines.append((cell("labels   ", Tone.DIM), cell(f"{words.span(timedelta(seconds=delay))} later")))
    return lines


def _estimate(estimate: Record) -> Line:
    """Accuracy as calibrated scores let expect it, with half its band; a ? where it should not be believed."""
    half = (estimate["high"] - estimate["low"]) / 2.0
    doubt = " ?" if estimate["warnings"] else ""
    return (cell(f"{words.rate(estimate['value'])} ±{half:.3f}{doubt}", Tone.DIM if doubt else Tone.PLAIN),)


def news_rows(overview: Overview, glyphs: Glyphs) -> list[Row]:
    """Findings and alerts as one list, the newest first."""
    at = overview.at
    dated = [(f["ts"], _finding_row(f, glyphs, at)) for f in overview.findings]
    dated += [(a["ts"], _alert_row(a, glyphs, at)) for a in overview.alerts]
    return [row for _, row in sorted(dated, key=lambda pair: pair[0], reverse=True)]


def _finding_row(finding: Record, glyphs: Glyphs, at: datetime) -> Row:
    truth = {True: f"{glyphs.ok} right", False: "false alarm"}.get(finding["truth"])
    words_ = f"{short_subject(finding['subject'])} {printable(finding['reason'] or '', limit=300)}"
    return Row(
        finding["prediction_id"],
        (Cell(words.moment(finding["ts"], at), Tone.DIM), cell(f"{glyphs.flag}{finding['model']}", Tone.WARN),
         cell(words_)),
        tail=cell(f" {truth:>11} ", Tone.GOOD if finding["truth"] else Tone.WARN) if truth else None,
        about=finding,
    )  # fmt: skip


def _alert_row(alert: Record, glyphs: Glyphs, at: datetime) -> Row:
    firing = alert["to_state"] == "firing"
    symbol, tone = (glyphs.firing, Tone.BAD) if firing else (glyphs.ok, Tone.GOOD)
    return Row(
        f"alert {alert['id']}",
        (Cell(words.moment(alert["ts"], at), Tone.DIM), cell(f"{symbol} {alert['to_state']}", tone),
         cell(printable(alert["summary"], limit=300))),
        marked=True,
        about=alert,
    )  # fmt: skip
