"""`watchroom register-model`: put a detector's version into the registry."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.deployed import show_version
from console.options import DryRunOption, HomeOption, ModelArgument, OutputOption, ReasonOption, YesOption
from console.output import Output

PANEL = "Model Registry"


def command(
    model: ModelArgument,
    version: Annotated[str | None, typer.Option("--version", help="The version; default is the installed one.")] = None,
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Register a version of a detector: immutable from then on, with the hash of its code.

    Example: watchroom register-model n1-detector --yes
    """
    from engine.detector import load
    from engine.room import Room

    named = version or load(model).version
    if confirm(f"register {model} {named}", yes=yes, dry_run=dry_run):
        room = Room.open(home, create=True, deploy=False)
        show_version(room.registry.register(model, version, reason=reason), output)
