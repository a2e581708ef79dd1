"""`watchroom label`: say what was true."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, ModelArgument, OutputOption, YesOption
from console.output import Output, emit_one
from storage.errors import UsageError

PANEL = "Performance Monitoring"


def command(
    model: ModelArgument,
    subject: Annotated[str, typer.Argument(help="What the verdict was about: a trace, a client, a job.")],
    truth: Annotated[str, typer.Argument(help="true: it was what the model looks for; false: it was not.")],
    window: Annotated[
        datetime | None, typer.Option("--window", help="Start of one window (UTC); default: all.")
    ] = None,
    propensity: Annotated[
        float | None, typer.Option("--propensity", help="The chance `review` drew it with, over 0 and up to 1.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Why you think so.")] = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Give the ground truth for a subject; the newest label of a subject counts.

    Example: watchroom label waf-behavioral 203.0.113.7 true --note "scanner, seen in the edge log too" --yes
    """
    from datetime import UTC

    from engine.labels import label
    from engine.room import Room

    if propensity is not None and not 0.0 < propensity <= 1.0:
        raise UsageError(f"a propensity lies over 0 and up to 1, not {propensity}")
    if truth not in {"true", "false"}:
        raise UsageError(f"the truth is true or false, not {truth!r}")
    room = Room.open(home)
    room.registry.model(model)
    start = window.replace(tzinfo=UTC) if window else None
    if confirm(f"label {subject} of {model} as {truth}", yes=yes, dry_run=dry_run):
        label(room.lake, model, subject, truth == "true", window_start=start, actor=room.registry.actor, note=note,
              propensity=propensity)  # fmt: skip
        emit_one({"model": model, "subject": subject, "truth": truth == "true", "window_start": start,
                  "propensity": propensity}, output)  # fmt: skip
