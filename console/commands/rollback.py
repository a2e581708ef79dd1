"""`watchroom rollback`: the command that undoes."""

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
    """Undo the newest deployment: version and settings go back together, as a new deployment.

    Example: watchroom rollback n1-detector --to-version 1.0.0 --reason "accuracy fell" --yes
    """
    undo(home, Asked(model, env, "both", reason, yes, dry_run, to_version), output)
