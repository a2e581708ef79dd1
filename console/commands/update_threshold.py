"""`watchroom update-threshold`: the limits of a model."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.options import (
    DryRunOption,
    EnvironmentOption,
    HomeOption,
    ModelArgument,
    OutputOption,
    ReasonOption,
    YesOption,
)
from console.output import Output, emit_one
from storage.errors import UsageError

PANEL = "Auto-Tuning"


def command(
    model: ModelArgument,
    accuracy: Annotated[float | None, typer.Option("--accuracy", help="Alert under this accuracy, 0..1.")] = None,
    severity: Annotated[str | None, typer.Option("--severity", help="info, warning or critical.")] = None,
    decision: Annotated[float | None, typer.Option("--decision", help="The cut-off that a score flags from.")] = None,
    env: EnvironmentOption = "production",
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Change the accuracy under which a model raises an alert, that alert's severity, or the model's own cut-off.

    The cut-off (--decision) is a setting: a new config revision, deployed at once in --env and rolled back like any.

    Example: watchroom update-threshold n1-detector --accuracy 0.88 --reason "steady at 0.93 for a quarter" --yes
    """
    from dataclasses import asdict

    from engine.room import Room

    if accuracy is None and severity is None and decision is None:
        raise UsageError("say what to change: --accuracy, --severity or --decision")
    if not reason.strip():
        raise UsageError("a change needs a reason; give one with --reason")
    room = Room.open(home)
    old = room.registry.model(model)
    running = room.registry.config(model, env) if decision is not None else None
    wanted = {"accuracy": (old.alert_accuracy, accuracy), "severity": (old.alert_severity, severity),
              "decision": (running.threshold if running else None, decision)}  # fmt: skip
    listed = ", ".join(f"{key} {before} -> {after}" for key, (before, after) in wanted.items() if after is not None)
    if not confirm(f"change {model}: {listed}", yes=yes, dry_run=dry_run):
        return
    if running is not None:
        room.registry.update_config(model, env, {"threshold": decision}, reason=reason, expected=running.id)
    new = old
    if accuracy is not None or severity is not None:
        new = room.registry.update_alert(model, accuracy=accuracy, severity=severity, reason=reason)
    threshold = {"environment": env, "threshold": decision} if running is not None else {}
    emit_one({key: value for key, value in asdict(new).items() if key != "row_version"} | threshold, output)
