"""6 Registry: which versions there are, where they run, and who changed what, when and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from console import words
from console.cells import Cell, Line, SafeText, Tone, cell, printable, width
from console.pane import Ask, Pane
from console.panes._details import fields_text
from console.theme import Glyphs
from console.widgets.bars import RuleLine
from console.widgets.grid import Column, Grid, Row
from console.widgets.lines import Sheet
from engine.deployment import Deployment, config_changes
from engine.versions import Version

if TYPE_CHECKING:
    from engine.room import Room

VERSIONS = (
    Column("model", 17), Column("version", 9), Column("state", 11), Column("runs in", 12),
    Column("config", 6, right=True), Column("registered", 12), Column("by", 0), Column("code", 12, least=120),
    Column("reason", 0, least=120),
)  # fmt: skip
HISTORY = (
    Column("since", 12), Column("what", 8), Column("version", 8), Column("config", 6, right=True), Column("where", 10),
    Column("by", 10), Column("why", 0), Column("ran", 8, right=True, least=100), Column("from", 10, least=100),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Registered:
    """Every version and every deployment, by model; deployments newest first. As of `at`."""

    at: datetime
    versions: Sequence[Version]
    history: Mapping[str, Sequence[Deployment]]


class RegistryPane(Pane[Registered]):
    """Versions, deployments, and what each deployment changed."""

    number = 6
    title = "Registry"
    refresh_s = 3.0
    DEFAULT_CSS: ClassVar[str] = """
    RegistryPane #versions { height: auto; max-height: 8; }
    RegistryPane #history { height: 1fr; min-height: 3; }
    RegistryPane #diff { height: auto; max-height: 7; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: Registered | None = None
        self._wanted: str | None = None

    def compose(self) -> ComposeResult:
        """Versions on top, the chosen model's deployments below, then what the chosen one changed."""
        yield Grid(VERSIONS, empty="no model is registered; `watchroom register-all-models` does", chooses=True,
                   id="versions")  # fmt: skip
        yield RuleLine(id="of")
        yield Grid(HISTORY, empty="never deployed", chooses=True, id="history")
        yield RuleLine(id="changed")
        yield Sheet(id="diff")

    @staticmethod
    def read(room: Room, ask: Ask) -> Registered:
        """All of the registry; it is small."""
        del ask
        models = [m.name for m in room.registry.models()]
        versions = [v for name in models for v in reversed(room.registry.versions(name))]
        return Registered(room.clock(), versions, {name: room.registry.history(name) for name in models})

    def draw(self, snapshot: Registered) -> None:
        """All parts anew."""
        self._held = snapshot
        rows = [version_row(v, snapshot) for v in snapshot.versions]
        grid = self.query_one("#versions", Grid)
        grid.set_rows(rows)
        grid.styles.height = min(8, len(rows) + 1) if rows else 2
        if self._wanted is not None:
            self.choose(self._wanted)
        self._draw_history()

    @property
    def model(self) -> str | None:
        """The model under the cursor."""
        row = self.query_one("#versions", Grid).current if self.is_mounted else None
        return row.about.model if row and isinstance(row.about, Version) else None

    @property
    def version(self) -> str | None:
        """The version under the cursor."""
        row = self.query_one("#versions", Grid).current if self.is_mounted else None
        return row.about.version if row and isinstance(row.about, Version) else None

    def choose(self, model: str) -> None:
        """Put the cursor on the newest version of a model."""
        grid = self.query_one("#versions", Grid)
        key = next((r.key for r in grid.rows if isinstance(r.about, Version) and r.about.model == model), None)
        self._wanted = model if key is None else None
        if key is not None:
            grid.go_to(key)

    @on(Grid.Moved, "#versions")
    def _draw_history(self) -> None:
        held, model = self._held, self.model
        if held is None:
            return
        past = held.history.get(model or "", ())
        title = printable(f"deployments of {model}") if model else SafeText("")
        self.query_one("#of", RuleLine).set_rule(self.glyphs, title)
        self.query_one("#history", Grid).set_rows([deployment_row(d, held.at, self.glyphs) for d in past])
        self._draw_diff()

    @on(Grid.Moved, "#history")
    def _draw_diff(self) -> None:
        row = self.query_one("#history", Grid).current
        sheet, rule = self.query_one("#diff", Sheet), self.query_one("#changed", RuleLine)
        if row is None or self._held is None or not isinstance(row.about, Deployment):
            rule.set_rule(self.glyphs)
            sheet.show(lambda _columns, _rows: ())
            return
        chosen = row.about
        before = _before(chosen, self._held.history[chosen.model])
        lines = changed_lines(before, chosen, self.glyphs)
        sheet.styles.height = min(7, max(1, len(lines)))
        rule.set_rule(self.glyphs, printable(f"what deployment {chosen.id} changed"))
        sheet.show(lambda columns, _rows: columned(lines, columns))

    def detail(self, row: Row) -> tuple[SafeText, SafeText] | None:
        """A version or a deployment in full, with its settings."""
        about = row.about
        if isinstance(about, Version):
            record = {"model": about.model, "version": about.version, "state": about.state, "sha256": about.sha256,
                      "registered": about.created_ts, "by": about.created_by, "reason": about.reason}  # fmt: skip
            return printable(f"{about.model} {about.version}"), SafeText(
                f"{fields_text(record)}\n\ndefaults\n{fields_text(about.defaults)}"
            )
        if isinstance(about, Deployment):
            record = {name: getattr(about, name) for name in Deployment.__slots__ if name != "config"}
            return printable(f"deployment {about.id}"), SafeText(
                f"{fields_text(record)}\n\nsettings\n{fields_text(about.config)}"
            )
        return None


def version_row(version: Version, held: Registered) -> Row:
    """A version, and where it runs now."""
    running = [d for d in held.history.get(version.model, ()) if d.status == "active" and d.version == version.version]
    tone = Tone.GOOD if running else Tone.DIM
    configs = ", ".join(str(d.config_revision) for d in running)
    return Row(
        f"{version.model} {version.version}",
        (
            cell(version.model, Tone.STRONG), cell(version.version), cell(version.state, tone),
            cell(", ".join(d.environment for d in running) or words.UNKNOWN, tone), cell(configs),
            Cell(words.moment(version.created_ts, held.at), Tone.DIM), cell(version.created_by, Tone.DIM),
            cell((version.sha256 or "external")[:12], Tone.DIM), cell(version.reason, Tone.DIM),
        ),
        about=version,
    )  # fmt: skip


def deployment_row(deployment: Deployment, at: datetime, glyphs: Glyphs) -> Row:
    """A deployment: since when, what it was, by whom and why."""
    active = deployment.status == "active"
    tone = Tone.PLAIN if active else Tone.DIM
    kind = Tone.WARN if deployment.kind in {"rollback", "revert"} else tone
    return Row(
        str(deployment.id),
        (
            Cell(words.moment(deployment.started_ts, at), tone),
            cell(f"{glyphs.dot if active else ''}{deployment.kind}", kind), cell(deployment.version, tone),
            cell(deployment.config_revision, tone), cell(deployment.environment, tone), cell(deployment.actor, tone),
            cell(deployment.reason, tone), Cell(words.span((deployment.ended_ts or at) - deployment.started_ts), tone),
            cell(deployment.origin, tone),
        ),
        marked=deployment.kind in {"rollback", "revert"},
        about=deployment,
    )  # fmt: skip


def _before(deployment: Deployment, history: Sequence[Deployment]) -> Deployment | None:
    """What ran in the same environment before."""
    return next((d for d in history if d.environment == deployment.environment and d.id < deployment.id), None)


def changed_lines(before: Deployment | None, after: Deployment, glyphs: Glyphs) -> list[Line]:
    """What a deployment changed against the one before: version first, then each setting."""
    if before is None:
        return [(cell(f" the first in {after.environment}: {len(after.config)} settings, ", Tone.DIM),
                 cell("Enter shows them", Tone.DIM))]  # fmt: skip
    changes: list[tuple[str, object, object]] = []
    if before.version != after.version:
        changes.append(("version", before.version, after.version))
    changes += [(k, old, new) for k, (old, new) in config_changes(before.config, after.config).items()]
    if not changes:
        return [(cell(" nothing: the same version and settings again", Tone.DIM),)]
    return [
        (cell(f" {name} ", Tone.DIM), cell(words.setting(old)), cell(f" {glyphs.right} ", Tone.DIM),
         cell(words.setting(new), Tone.STRONG))
        for name, old, new in changes
    ]  # fmt: skip


def columned(lines: Sequence[Line], columns: int) -> list[Line]:
    """Short lines side by side where there is room for two or more."""
    size = max((sum(width(c.text) for c in line) for line in lines), default=1) + 3
    across = max(1, min(4, columns // size))
    down = -(-len(lines) // across)
    out: list[Line] = []
    for row in range(down):
        cells: list[Cell] = []
        for line in lines[row::down]:
            used = sum(width(c.text) for c in line)
            cells += [*line, Cell(SafeText(" " * (size - used)))]
        out.append(tuple(cells))
    return out
