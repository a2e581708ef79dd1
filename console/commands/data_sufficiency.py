"""`watchroom data-sufficiency`: is there enough to tune on?"""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import EnvironmentOption, HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Maintenance"
COLUMNS = (
    "model", "environment", "predictions", "coverage", "labels", "window", "window_rarer", "missing",
    "missing_rarer", "hours_to_go", "n_for_gain", "sufficient", "detail",
)  # fmt: skip


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    env: EnvironmentOption = "production",
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Check whether a model has enough labels to tune on; ends with 1 when one has not.

    100 matured labels and 30 of the rarer class are needed. `n_for_gain` estimates how many labels would make the gain
    certain that the present ones suggest; `hours_to_go` how long the missing ones take at the present rate.

    Example: watchroom data-sufficiency n1-detector
    """
    from dataclasses import asdict

    from engine.room import Room
    from engine.tuning_report import sufficiency

    room = Room.open(home)
    chosen = [room.registry.config(model, env)] if model is not None else room.registry.deployed(env)
    found = [sufficiency(room.reader, room.registry, now) for now in chosen]
    emit([asdict(item) for item in found], output, columns=COLUMNS, empty=f"nothing is deployed in {env}")
    return 0 if all(item.sufficient for item in found) else 1
