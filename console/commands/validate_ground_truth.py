"""`watchroom validate-ground-truth`: is the truth true?"""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, LimitOption, ModelArgument, OutputOption
from console.output import Output, emit, say

PANEL = "Monitoring"
COLUMNS = ("issue", "n", "subject", "window_start", "ts", "actor", "detail")


def command(
    model: ModelArgument,
    examples: Annotated[int, typer.Option("--examples", min=1, help="Examples of each issue.")] = 5,
    limit: LimitOption = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Look through a model's labels for what cannot be right; ends with 1 when figures are made wrong by it.

    conflicting: people differ; early: before what it is about was over (these two make figures wrong). late, duplicate,
    orphan (nothing was predicted of it), suspicious (against a verdict that was all but sure), odd_actor (somebody
    whose labels go against the model for sure more or less often than everybody else's).

    Example: watchroom validate-ground-truth n1-detector --examples 3
    """
    from engine.ground_truth import validate
    from engine.room import Room

    room = Room.open(home)
    room.registry.model(model)
    report = validate(room.reader, model, examples=examples)
    rows = [row | {"n": report.counts[row["issue"]]} for row in report.examples.to_dicts()]
    rows += [
        {"issue": "odd_actor", "model": model, "subject": None, "window_start": None, "ts": None, "n": row["labels"],
         "actor": row["actor"], "detail": f"{row['against_model']:.3f} against the model, others"
                                          f" {row['others_against_model']:.3f}"}
        for row in report.odd_actors.iter_rows(named=True)
    ]  # fmt: skip
    emit(rows, output, columns=COLUMNS, limit=limit, empty=f"nothing is wrong with {report.labels} labels")
    if report.accuracy is not None and report.accuracy_without_suspicious is not None:
        say(
            f"{report.labels} labels; accuracy {report.accuracy:.3f}, without suspicious ones"
            f" {report.accuracy_without_suspicious:.3f}"
        )
    return 0 if report.ok else 1
