"""`watchroom update-config`: change a model's settings."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.confirm import confirm
from console.deployed import show_deployment
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
from storage.errors import UsageError

PANEL = "Model Registry"


def command(
    model: ModelArgument,
    changes: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="A setting; may be repeated.")],
    env: EnvironmentOption = "production",
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Change settings: a new config revision, deployed at once with the version that runs.

    Example: watchroom update-config waf-behavioral --set threshold=0.65 --reason "too many misses" --yes
    """
    from engine.room import Room

    wanted = dict(_pair(change) for change in changes)
    room = Room.open(home)
    now = room.registry.config(model, env)
    listed = ", ".join(f"{key} {now.config.get(key)} -> {value}" for key, value in wanted.items())
    if confirm(f"change {model} in {env}: {listed}", yes=yes, dry_run=dry_run):
        done = room.registry.update_config(model, env, wanted, reason=reason, expected=now.id)
        show_deployment(done, output)


def _pair(text: str) -> tuple[str, Any]:
    """KEY=VALUE as a key and a JSON value, else as text."""
    import json

    key, found, value = text.partition("=")
    if not found or not key:
        raise UsageError(f"--set takes KEY=VALUE, not {text!r}")
    try:
        return key.strip(), json.loads(value)
    except ValueError:
        return key.strip(), value
