"""`watchroom rollback-version`: back to the version before."""

from __future__ import annotations

from console.options import (
    DryRunOption,
    EnvironmentOption,
    HomeOption,
    ModelArgument,
    OutputOption,
    ReasonOption,
    ToVersionOption,
    YesOption,
)
from console.output import Output
from console.undo import Asked, undo

PANEL = "Deployment"


def command(
    model: ModelArgument,
    to_version: ToVersionOption = None,
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
    undo(home, Asked(model, env, "version", reason, yes, dry_run, to_version), output)
