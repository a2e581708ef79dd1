"""`watchroom performance-summary`: how the models do."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Performance Monitoring"
COLUMNS = (
    "model",
    "version",
    "environment",
    "predictions",
    "n",
    "acc100",
    "acc1000",
    "accuracy_limit",
    "f1",
    "fpr",
    "state",
)


def command(
    env: Annotated[str | None, typer.Option("--env", help="Only this environment.")] = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Show every deployed model: accuracy over its last 100 and last 1000 labelled verdicts against its limit.

    `predictions` counts verdicts, `n` those whose truth is known; f1 and fpr are over the last 1000 of these.

    Example: watchroom performance-summary --output json
    """
    from engine.room import Room

    rows = Room.open(home).reader.query(
        "SELECT * FROM performance_now WHERE $env IS NULL OR environment = $env ORDER BY environment, model",
        {"env": env},
    )
    emit(rows, output, columns=COLUMNS, empty="nothing is deployed; `watchroom deploy-to-production --all` does it")
