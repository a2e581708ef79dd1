"""`watchroom estimate`: how well, without labels?"""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import EnvironmentOption, HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Performance Monitoring"
COLUMNS = ("model", "metric", "value", "low", "high", "n", "realised", "calibration", "is_calibrated_band", "warnings")


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    metric: Annotated[str, typer.Option("--metric", help="accuracy, precision, recall, f1 or fpr.")] = "accuracy",
    env: EnvironmentOption = "production",
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Estimate a metric of the newest verdicts from calibrated scores, before their labels come (CBPE), with a band.

    `realised` is what labels say of the newest stretch that has them. It sees the data move, not the truth: a changed
    meaning of what is an attack stays unseen until labels come. `warnings` says why it should not be believed.

    Example: watchroom estimate n1-detector --metric f1
    """
    from dataclasses import asdict

    from engine.estimate import estimate
    from engine.room import Room
    from storage.errors import UsageError

    if metric not in ("accuracy", "precision", "recall", "f1", "fpr"):
        raise UsageError(f"no metric {metric!r}; there are accuracy, precision, recall, f1, fpr")
    room = Room.open(home)
    chosen = [room.registry.config(model, env)] if model is not None else room.registry.deployed(env)
    rows = [
        {"model": now.model, "version": now.version, **asdict(estimate(room.reader, now, metric))} for now in chosen
    ]
    emit(rows, output, columns=COLUMNS, empty=f"nothing is deployed in {env}")
