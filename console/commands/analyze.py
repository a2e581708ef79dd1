"""`watchroom analyze`: judge logs without a home."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import ConfigOption, FormatOption, HomeOption, LimitOption, OutputOption, PathsArgument
from console.output import Output, emit, say
from console.settings import manner_told

PANEL = "Logs"
SHOWN = ("window_start", "model", "subject", "score", "flagged", "reason")


def command(
    paths: PathsArgument,
    format: FormatOption = "auto",
    model: Annotated[list[str] | None, typer.Option("--model", "-m", help="Only this model; may be repeated.")] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="Only what was flagged.")] = False,
    threshold: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Judge under this cut-off.")] = None,
    limit: LimitOption = None,
    output: OutputOption = Output.table,
    config: ConfigOption = None,
    home: HomeOption = None,
) -> int:
    """Judge logs without a home: every model that reads what the logs hold gives its verdicts.

    Ends with 1 when something was flagged, with 0 when nothing was.

    Example: watchroom analyze access.log 'db/*.log' --model waf-behavioral --flagged --output jsonl
    """
    from engine.analysis import analyze

    how = manner_told(config, home)
    result = analyze(paths, None if format == "auto" else format, models=model or [], threshold=threshold, manner=how)
    rows = result.predictions.filter("flagged") if flagged else result.predictions
    if output is Output.table:
        rows = rows.sort("score", descending=True)
    columns = [name for name in SHOWN if name != "flagged" or not flagged]
    emit(rows, output, columns=columns, limit=limit, empty="no verdicts")
    for line in result.narration():
        say(line)
    return 1 if result.flagged else 0
