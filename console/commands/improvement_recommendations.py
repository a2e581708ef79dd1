"""`watchroom improvement-recommendations`: what would make the models better."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Maintenance"


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Say what would make the models better, the most pressing first, each with its reason and the command to run.

    Example: watchroom improvement-recommendations --output markdown
    """
    from dataclasses import asdict

    from engine.recommendations import recommend
    from engine.room import Room

    room = Room.open(home)
    if model is not None:
        room.registry.model(model)
    found = [asdict(one) for one in recommend(room.reader) if model in (None, one.model)]
    emit(found, output, empty="nothing stands out")
