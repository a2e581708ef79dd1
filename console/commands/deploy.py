"""`watchroom deploy`: put a version into an environment."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.deployed import show_deployment
from console.options import (
    BreakGlassOption,
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
    version: Annotated[str | None, typer.Option("--version", help="The version; default is the newest.")] = None,
    env: EnvironmentOption = "staging",
    reason: ReasonOption = "",
    break_glass: BreakGlassOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Put a registered version, with its newest settings, into an environment.

    Example: watchroom deploy waf-behavioral --version 1.0.0 --env staging --reason "try it" --yes
    """
    from engine.room import Room

    room = Room.open(home)
    room.registry.break_glass = break_glass
    named = version or room.newest_version(model)
    if confirm(f"deploy {model} {named} to {env}", yes=yes, dry_run=dry_run):
        show_deployment(room.registry.deploy(model, named, env, reason=reason), output)
