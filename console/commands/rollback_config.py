"""`watchroom rollback-config`: back to the settings before."""

from __future__ import annotations

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
from console.undo import Asked, undo

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
    undo(home, Asked(model, env, "config", reason, yes, dry_run), output)
