"""`watchroom compare-versions`: two versions side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from console.options import HomeOption, ModelArgument, OutputOption
from console.output import Output, emit, say
from storage.errors import UsageError

PANEL = "Performance Monitoring"


def command(
    model: ModelArgument,
    one: Annotated[str, typer.Argument(help="A version, e.g. the one that runs.")],
    other: Annotated[str, typer.Argument(help="Another version, e.g. the one in staging.")],
    window: Annotated[
        Literal["last_100", "last_1000", "all"], typer.Option("--window", help="Labelled verdicts that count.")
    ] = "last_1000",
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Compare two versions of a model, each where it has most labelled verdicts, and on the items that both judged.

    The last rows hold only items that both judged: how often only the one or the other was right, and the evidence
    (`e_value`) that they differ; 20 or more decides, however often one looks.

    Example: watchroom compare-versions n1-detector 1.0.0 1.1.0 --window all
    """
    from engine.comparison import paired, side_by_side
    from engine.room import Room

    if one == other:
        raise UsageError("name two versions that differ")
    room = Room.open(home)
    known = [version.version for version in room.registry.versions(model)]
    for version in (one, other):
        if version not in known:
            raise UsageError(f"{model} has no version {version!r}; registered are {', '.join(known)}")
    both = paired(room.reader, model, one, other)
    counts: list[Mapping[str, Any]] = [
        {"measure": "judged_by_both", one: both.n, other: both.n, "change": None},
        {"measure": "only_this_right", one: both.only_one_right, other: both.only_other_right,
         "change": both.only_other_right - both.only_one_right},
        {"measure": "e_value", one: None, other: None, "change": both.e_value},
    ]  # fmt: skip
    emit([*side_by_side(room.reader, model, one, other, window).to_dicts(), *counts], output)
    say(both.verdict(one, other))
