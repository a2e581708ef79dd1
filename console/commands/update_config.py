"""`watchroom update-config`: change a model's settings."""

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
from console.settings import pairs

PANEL = "Model Registry"


def command(
    model: ModelArgument,
    changes: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="A setting; may be repeated.")],
    env: EnvironmentOption = "production",
    reason: ReasonOption = "",
    break_glass: BreakGlassOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Change settings: a new config revision, deployed at once with the version that runs.

    Example: watchroom update-config waf-behavioral --set threshold=0.65 --reason "too many misses" --yes
    """
    from engine.room import Room

    wanted = pairs(changes)
    room = Room.open(home)
    room.registry.break_glass = break_glass
    now = room.registry.config(model, env)
    listed = ", ".join(f"{key} {now.config.get(key)} -> {value}" for key, value in wanted.items())
    if confirm(f"change {model} in {env}: {listed}", yes=yes, dry_run=dry_run):
        done = room.registry.update_config(model, env, wanted, reason=reason, expected=now.id)
        show_deployment(done, output)
