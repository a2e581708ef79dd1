"""`watchroom deploy-to-production`: put models into production."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.deployed import show_deployments
from console.options import BreakGlassOption, DryRunOption, HomeOption, OutputOption, ReasonOption, YesOption
from console.output import Output
from storage.errors import UsageError

PANEL = "Deployment"


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="A model's name; or --all.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Every registered model.")] = False,
    reason: ReasonOption = "",
    break_glass: BreakGlassOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Put the newest version of a model, or of all of them, into production.

    Example: watchroom deploy-to-production --all --reason "first release" --yes
    """
    from engine.room import Room

    if (model is None) != all:
        raise UsageError("name one model, or say --all")
    room = Room.open(home)
    room.registry.break_glass = break_glass
    chosen = room.registry.models() if model is None else [room.registry.model(model)]
    listed = ", ".join(f"{m.name} {room.newest_version(m.name)}" for m in chosen)
    if confirm(f"deploy {listed} to production", yes=yes, dry_run=dry_run):
        done = [room.registry.deploy(m.name, room.newest_version(m.name), "production", reason=reason) for m in chosen]
        show_deployments(done, output, "no models are registered; `watchroom register-all-models` does it")
