"""`watchroom rollback-config`: back to the settings before."""

from __future__ import annotations

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
    env: EnvironmentOption = "production",
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Take back the settings and keep the version, as a new deployment.

    Example: watchroom rollback-config queue-anomaly --reason "too noisy" --yes
    """
    from engine.room import Room

    room = Room.open(home)
    plan = room.registry.plan_rollback(model, env, what="config")
    if confirm(describe(plan), yes=yes, dry_run=dry_run):
        show_deployment(room.registry.rollback(plan, reason=reason), output)
