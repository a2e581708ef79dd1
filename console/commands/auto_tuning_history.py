"""`watchroom auto-tuning-history`: every search for a better threshold."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, LimitOption, OutputOption
from console.output import Output, emit

PANEL = "Auto-Tuning"
COLUMNS = (
    "ts", "model", "environment", "verdict", "n", "current_threshold", "best_threshold", "apparent_gain",
    "crossfit_gain", "gain_low", "check_verdict", "realised_gain", "detail",
)  # fmt: skip


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    env: Annotated[str | None, typer.Option("--env", help="Only this environment.")] = None,
    limit: LimitOption = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """List the searches for a better threshold, the newest first, with verdict, gains, and what came of those applied.

    `apparent_gain` is on the data that the threshold was chosen on, `crossfit_gain` on other data, `gain_low` its lower
    bound; `realised_gain` was measured on the day after. JSON has every gate and the whole curve.

    Example: watchroom auto-tuning-history n1-detector --limit 10
    """
    from engine.room import Room
    from engine.tuning_report import history

    room = Room.open(home)
    if model is not None:
        room.registry.model(model)
    empty = "no search yet; the scheduler makes one an hour, `watchroom tune --dry-run` looks now"
    emit(history(room.reader, model, env), output, columns=COLUMNS, limit=limit, empty=empty)
