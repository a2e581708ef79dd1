"""`watchroom estimate`: how well, without labels?"""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import EnvironmentOption, HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Performance Monitoring"
COLUMNS = (
    "model", "metric", "value", "low", "high", "n", "realised", "calibration", "is_calibrated_band", "drawn",
    "warnings",
)  # fmt: skip


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    metric: Annotated[str, typer.Option("--metric", help="accuracy, precision, recall, f1 or fpr.")] = "accuracy",
    env: EnvironmentOption = "production",
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Estimate a metric of the newest verdicts from calibrated scores, before their labels come (CBPE), with a band.

    `realised` is what labels say of the newest stretch that has them. It sees the data move, not the truth: a changed
    meaning of what is an attack stays unseen until labels come. `warnings` says why it should not be believed. `drawn`
    is the accuracy over all verdicts by the labels that `review` drew, weighed by their chances, scores filling in.

    Example: watchroom estimate n1-detector --metric f1
    """
    from dataclasses import asdict

    from engine.estimate import METRICS, estimate
    from engine.review import fair
    from engine.room import Room
    from storage.errors import UsageError

    if metric not in METRICS:
        raise UsageError(f"no metric {metric!r}; there are {', '.join(METRICS)}")
    room = Room.open(home)
    chosen = [room.registry.config(model, env)] if model is not None else room.registry.deployed(env)
    rows = []
    for now in chosen:
        drawn = fair(room.reader, now.model, now.environment) if metric == "accuracy" else None
        rows.append({
            "model": now.model, "version": now.version, **asdict(estimate(room.reader, now, metric)),
            "drawn": drawn and drawn.value, "drawn_low": drawn and drawn.low, "drawn_high": drawn and drawn.high,
            "drawn_labels": drawn and drawn.labels,
        })  # fmt: skip
    emit(rows, output, columns=COLUMNS, empty=f"nothing is deployed in {env}")
