"""R, the key that undoes: what would change, from where to where, and a name to type before it does.

Cancel has the focus. Enter, the opening key, its double press and a paste do nothing; only the model's name, typed,
makes the other button work. The engine compares before it sets: if the registry moved since the dialog opened, nothing
changes and the dialog says who changed what.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from console import words
from console.cells import Cell, Line, SafeText, Tone, cell, fit, printable
from console.dialogs.detail import title_of
from console.reading import Done
from console.theme import Glyphs
from console.widgets.filterbar import SafeInput
from console.widgets.lines import Sheet

if TYPE_CHECKING:
    from datetime import datetime

    from engine.deployment import Deployment, RollbackPlan
    from engine.room import Room

Act = Callable[["RollbackPlan", str, Callable[[Done], None]], None]
"""Rolls back by the plan, for the reason, and tells when it is done."""

_WINDOWS = (
    """SELECT version, accuracy FROM performance WHERE model = ? AND environment = ? AND "window" = 'last_1000'"""
)
_NOW = "SELECT state, acc100, acc1000, accuracy_limit FROM performance_now WHERE model = ? AND environment = ?"


@dataclass(frozen=True, slots=True)
class Preview:
    """What the dialog shows: the plan, how each version did, and how the running one does now."""

    plan: RollbackPlan
    at: datetime
    accuracy: Mapping[str, float | None] = field(default_factory=dict)
    now: Mapping[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command that does the same."""
        env = "" if self.plan.environment == "production" else f" --env {shlex.quote(self.plan.environment)}"
        return f"watchroom rollback {shlex.quote(self.plan.model)}{env}"

    @property
    def suggested_reason(self) -> str:
        """A reason that the figures give, if they give one."""
        known = [self.now[name] for name in ("acc100", "acc1000") if self.now.get(name) is not None]
        limit = self.now.get("accuracy_limit", 0.0)
        if not known or min(known) >= limit:
            return ""
        return f"accuracy {words.rate(min(known))} under {words.rate(limit, 2)}"


class NameInput(SafeInput):
    """An input that takes typing, not pasting."""

    def _on_paste(self, event: events.Paste) -> None:
        """A paste is no intent."""
        event.stop()
        event.prevent_default()


class RollbackDialog(ModalScreen["Deployment | None"]):
    """Opens at once; `show` tells it what would change. Dismissed with the new deployment, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel"),
        Binding("tab,down", "app.focus_next", "next"),
        Binding("shift+tab,up", "app.focus_previous", "previous"),
    ]
    AUTO_FOCUS = "#cancel"

    def __init__(self, model: str, environment: str, glyphs: Glyphs, act: Act) -> None:
        super().__init__()
        self.model = model
        self.environment = environment
        self.preview: Preview | None = None
        self._glyphs = glyphs
        self._act = act
        self._acting = False
        self._problem = SafeText("")

    @staticmethod
    def read_plan(room: Room, model: str, environment: str) -> Preview:
        """Where a rollback would go. Raises RefusedError if there is nothing to go back to."""
        return Preview(room.registry.plan_rollback(model, environment, what="both"), room.clock())

    @staticmethod
    def read_figures(room: Room, preview: Preview) -> Preview:
        """The preview with how each version did; takes longer than the plan."""
        who = [preview.plan.model, preview.plan.environment]
        done = room.reader.query(_WINDOWS, who).to_dicts()
        now = room.reader.query(_NOW, who).to_dicts()
        return replace(preview, accuracy={r["version"]: r["accuracy"] for r in done}, now=now[0] if now else {})

    def compose(self) -> ComposeResult:
        """What would change, why, the name, and the two buttons."""
        box = Vertical(classes="dialog")
        box.border_title = title_of(printable(f"Roll back {self.model} in {self.environment}"))
        with box:
            yield Sheet(id="change")
            with Horizontal(classes="row"):
                yield Sheet(id="reason-label", classes="label")
                yield SafeInput(placeholder="why, for those who read the log later", id="reason", compact=True,
                                select_on_focus=False)  # fmt: skip
            with Horizontal(classes="row"):
                yield Sheet(id="name-label", classes="label")
                yield NameInput(id="name", compact=True)
            yield Sheet(id="problem")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Roll back", id="act", variant="error", disabled=True, compact=True)

    def on_mount(self) -> None:
        """Label the fields."""
        for name, text in (("reason", " Reason  "), ("name", " Type the model's name to confirm  ")):
            label = self.query_one(f"#{name}-label", Sheet)
            label.styles.width = len(text)
            label.show(functools.partial(_label, text))
        self._write()

    def show(self, preview: Preview) -> None:
        """Write down what would change; a reason that the figures give is put in unless one was typed."""
        self.preview = preview
        self._write()

    def refuse(self, problem: object) -> None:
        """Say why nothing can be rolled back."""
        self._problem = printable(problem)
        self._write()

    def _write(self) -> None:
        """Show what is known so far, if the dialog is on the screen."""
        if not (self.is_mounted and self.is_current):
            return
        if self.preview is not None:
            lines = preview_lines(self.preview, self._glyphs)
            reason = self.query_one("#reason", Input)
            reason.value = reason.value or self.preview.suggested_reason
        else:
            words_ = "nothing to roll back to" if self._problem else "reading what would change"
            lines = [(cell(f" {words_}", Tone.DIM),), *[()] * 3]
        self._say(self._problem)
        sheet = self.query_one("#change", Sheet)
        sheet.styles.height = len(lines) + 1
        sheet.show(lambda _columns, _rows: lines)

    def _say(self, text: object) -> None:
        self._problem = printable(text)
        sheet = self.query_one("#problem", Sheet)
        sheet.styles.height = 1 if not self._problem else 2
        sheet.show(lambda columns, _rows: [
            (Cell(part, Tone.BAD),) for part in _folded(self._problem, columns)
        ])  # fmt: skip

    @property
    def problem(self) -> SafeText:
        """What the dialog says is wrong."""
        return self._problem

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one("#act", Button).disabled = not self._ready()

    def _ready(self) -> bool:
        named = self.query_one("#name", Input).value == self.model
        return (
            self.preview is not None
            and named
            and bool(self.query_one("#reason", Input).value.strip())
            and not self._acting
        )

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """Enter in a field only goes on to the next: it never acts."""
        if event.input.id == "reason":
            self.query_one("#name", Input).focus()
        elif self._ready():
            self.query_one("#act", Button).focus()
        elif event.value != self.model:
            self._say(f"that is not the model's name; type {self.model}")
        else:
            self._say("a rollback needs a reason")

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close; nothing changes."""
        if not self._acting:
            self.dismiss(None)

    @on(Button.Pressed, "#act")
    def _confirmed(self) -> None:
        if self.preview is None or not self._ready():
            return
        self._acting = True
        self.query_one("#act", Button).disabled = True
        self._act(self.preview.plan, self.query_one("#reason", Input).value.strip(), self._done)

    def _done(self, done: Done) -> None:
        self._acting = False
        if done.error is None:
            self.dismiss(done.value)
            return
        self._say(f"{done.error}")
        self.query_one("#cancel", Button).focus()


def _label(text: str, _columns: int, _rows: int) -> list[Line]:
    return [(cell(text),)]


def preview_lines(preview: Preview, glyphs: Glyphs) -> list[Line]:
    """From where to where, what changes, and the command that does the same."""
    plan, at = preview.plan, preview.at
    current, target = plan.current, plan.target

    def line(title: str, *cells: Cell) -> Line:
        return (cell(f" {title:8} ", Tone.DIM), *cells)

    state = str(preview.now.get("state", ""))
    now = [Cell(SafeText("  ")), glyphs.state(state)] if state else []
    since = fit(printable(f"since {_minute(current.started_ts, at)} by {current.actor}"), 27)
    ran = fit(
        printable(
            f"ran {words.span((target.ended_ts or at) - target.started_ts)} until {_minute(target.ended_ts, at)}"
        ),
        27,
    )
    return [
        line("from", _pair(current), cell(f"{since}", Tone.DIM), _accuracy(preview, current), *now),
        line("to", _pair(target), cell(f"{ran}", Tone.DIM), _accuracy(preview, target)),
        *_changes(plan, glyphs, line),
        line("same as", cell(preview.command, Tone.ACCENT)),
    ]  # fmt: skip


def _pair(deployment: Deployment) -> Cell:
    return cell(f"{f'{deployment.version} config {deployment.config_revision}':17} ", Tone.STRONG)


def _minute(moment: datetime | None, at: datetime) -> str:
    return words.moment(moment, at)[: 5 if moment and moment.date() == at.date() else None]


def _accuracy(preview: Preview, deployment: Deployment) -> Cell:
    known = preview.accuracy.get(deployment.version)
    return cell("" if known is None else f"  acc {words.rate(known)}")


def _changes(plan: RollbackPlan, glyphs: Glyphs, line: Callable[..., Line]) -> Sequence[Line]:
    parts = [f"version {plan.current.version} {glyphs.right} {plan.target.version}"] if plan.version_changes else []
    parts += [
        f"{key} {words.setting(before)} {glyphs.right} {words.setting(after)}"
        for key, (before, after) in plan.config_changes.items()
    ]
    shown, rest = parts[:6], len(parts) - 6
    out = [line("changes" if i == 0 else "", cell(" · ".join(shown[i : i + 2]))) for i in range(0, len(shown), 2)]
    if rest > 0:
        out.append(line("", cell(f"and {rest} more settings; `watchroom rollback --dry-run` lists them", Tone.DIM)))
    return out or [line("changes", cell("nothing but the deployment itself", Tone.DIM))]


def _folded(text: SafeText, columns: int) -> list[SafeText]:
    import textwrap

    return [SafeText(f" {part}") for part in textwrap.wrap(text, max(20, columns - 2))][:2]
