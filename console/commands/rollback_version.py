"""`watchroom rollback-version`: back to the version before."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.deployed import describe, show_deployment
from console.options import (
    DryRunOption,
    EnvironmentOption,
    HomeOption,
    ModelArgument,
    OutputOption,
    ReasonOption,
    YesOption,
)
from console.output import Output

PANEL = "Deployment"


def command(
    model: ModelArgument,
    to_version: Annotated[
        str | None, typer.Option("--to-version", help="A version; default is the one before.")
    ] = None,
    env: EnvironmentOption = "production",
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Take back the version, with the settings that it ran with, as a new deployment.

    Example: watchroom rollback-version waf-behavioral --reason "accuracy fell" --yes
    """
    from engine.room import Room

    room = Room.open(home)
    plan = room.registry.plan_rollback(model, env, what="version", to_version=to_version)
    if confirm(describe(plan), yes=yes, dry_run=dry_run):
        show_deployment(room.registry.rollback(plan, reason=reason), output)
