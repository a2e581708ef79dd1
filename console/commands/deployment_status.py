"""`watchroom deployment-status`: how a rollout goes."""

from __future__ import annotations

from typing import Annotated

import typer

from console.deployed import show_deployments
from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Deployment"
COLUMNS = (
    "model", "environment", "version", "config_revision", "kind", "deployed", "age_h", "before_version", "judged", "n",
    "accuracy", "accuracy_before", "accuracy_limit", "level", "state",
)  # fmt: skip


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Every deployment, those that ended too.")] = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Show what runs where since when, what it has judged since, and its accuracy beside the one before it.

    Counts and accuracies are those of one pair of version and config revision. `level` is of the newest look for
    degradation, `state` as in performance-summary.

    Example: watchroom deployment-status n1-detector
    """
    from engine.deployment_status import status
    from engine.room import Room

    room = Room.open(home)
    if model is not None:
        room.registry.model(model)
    empty = "nothing is deployed; `watchroom deploy-to-production --all` does it"
    if history:
        chosen = [model] if model is not None else [m.name for m in room.registry.models()]
        show_deployments([d for name in chosen for d in room.registry.history(name)], output, empty)
        return
    emit(status(room.reader, room.clock(), model), output, columns=COLUMNS, empty=empty)
