"""`watchroom performance-summary`: how the models do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Performance Monitoring"
COLUMNS = (
    "model", "version", "environment", "n", "acc100", "acc1000", "accuracy_limit", "f1", "fpr", "state", "predictions",
    "waiting", "delay_s", "estimate",
)  # fmt: skip
"""Those that decide first: a narrow terminal leaves out the others."""
FEW = 1_000
"""Labels under which the estimate without labels is given beside the accuracy."""


def command(
    env: Annotated[str | None, typer.Option("--env", help="Only this environment.")] = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Show every deployed model: accuracy over its last 100 and last 1000 labelled verdicts against its limit.

    `predictions` counts verdicts, `n` those with a matured label; f1 and fpr are over the last 1000 of these. `waiting`
    labels are not matured yet (they come `delay_s` after the verdict). Where there are fewer than 1000, `estimate` says
    what calibrated scores let expect without labels, with its band; for a ? behind it `estimate_warnings` has reasons.

    Example: watchroom performance-summary --output json
    """
    from engine.monitor import with_estimates
    from engine.room import Room

    room = Room.open(home)
    rows = [
        {**row, "delay_s": row["label_delay_s"], "estimate": _words(row) if output is Output.table else row["estimate"]}
        for row in with_estimates(room.reader, room.registry.deployed(env), FEW)
    ]
    emit(rows, output, columns=COLUMNS, empty="nothing is deployed; `watchroom deploy-to-production --all` does it")


def _words(row: Mapping[str, Any]) -> str | None:
    """The estimate with half the width of its band."""
    if row["estimate"] is None:
        return None
    half = (row["estimate_high"] - row["estimate_low"]) / 2.0
    return f"{row['estimate']:.3f} ±{half:.3f}{' ?' if row['estimate_warnings'] else ''}"
