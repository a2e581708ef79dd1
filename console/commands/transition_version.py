"""`watchroom transition-version`: a version moves on without being deployed."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, ModelArgument, OutputOption, ReasonOption, YesOption
from console.output import Output, emit_one
from storage.errors import UsageError

PANEL = "Model Registry"


def command(
    model: ModelArgument,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A registered version.")],
    state: Annotated[
        Literal["validated", "archived", "rejected"], typer.Argument(metavar="STATE", help="Where it goes.")
    ],
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Move a version to validated (may be deployed), archived (kept, no longer in use) or rejected (never deployed).

    Versions go registered, validated, staging, production, archived; staging and production follow from deploying. One
    that runs somewhere cannot be moved, and nothing is ever deleted.

    Example: watchroom transition-version waf-behavioral 1.0.0 archived --reason "replaced by 1.1.0" --yes
    """
    from engine.room import Room

    if not reason.strip():
        raise UsageError("a transition needs a reason; give one with --reason")
    registry = Room.open(home).registry
    now = next((v.state for v in registry.versions(model) if v.version == version), "unknown")
    if confirm(f"move {model} {version} from {now} to {state}", yes=yes, dry_run=dry_run):
        done = registry.transition(model, version, state, reason=reason)
        emit_one({"model": done.model, "version": done.version, "state": done.state, "reason": reason}, output)
