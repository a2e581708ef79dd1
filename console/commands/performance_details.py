"""`watchroom performance-details`: one model, window by window."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, ModelArgument, OutputOption
from console.output import Output, emit, say

PANEL = "Performance Monitoring"
NAMED = ("model", "version", "environment", "window")
RECENT = ("ts", "subject", "score", "threshold", "flagged", "truth", "reason")


def command(
    model: ModelArgument,
    recent: Annotated[int, typer.Option("--recent", min=0, help="Also this many of the newest verdicts.")] = 0,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Show a model's windows (last 100, last 1000, all): confusion counts, rates, confidence and latency.

    With --recent the newest verdicts are given instead, each with its truth where it is known.

    Example: watchroom performance-details n1-detector --recent 100 --output jsonl
    """
    from engine.room import Room

    room = Room.open(home)
    room.registry.model(model)
    if recent:
        rows = room.reader.query(
            "SELECT p.*, l.truth FROM predictions p LEFT JOIN labelled_predictions l"
            " USING (prediction_id, environment) WHERE p.model = $model ORDER BY p.ts DESC LIMIT $recent",
            {"model": model, "recent": recent},
        )
        emit(rows, output, columns=RECENT, empty="no verdicts yet")
        return
    rows = room.reader.query(
        'SELECT * FROM performance WHERE model = $model ORDER BY environment, version, "window"', {"model": model}
    )
    if output is Output.table and rows.height:
        for row in rows.iter_rows(named=True):
            say(f"{row['model']} {row['version']} in {row['environment']}, {row['window']}")
            emit([{"measure": key, "value": value} for key, value in row.items() if key not in NAMED], output)
        return
    emit(rows, output, empty="no labelled verdicts yet; `watchroom label` or a label log gives the truth")
