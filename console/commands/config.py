"""`watchroom config`: the configuration and where each value comes from."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit, say

PANEL = "Maintenance"


def command(
    what: Annotated[
        Literal["show", "validate"], typer.Argument(help="show every value, or name every mistake.")
    ] = "show",
    changed: Annotated[bool, typer.Option("--changed", help="show: only what is not a default.")] = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="show: secrets as they are, not as (secret).")] = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Show every setting with its value and source, or name every mistake; validate ends with 1 when there is one.

    Sources, the later wins: `watchroom.toml` in the home, the specification's environment variables, variables named
    WATCHROOM_TABLE__KEY. A mistake is told with file, line, key and the nearest known key. Secrets (passwords, keys,
    addresses of webhooks) read (secret) unless --secrets is said.

    Example: watchroom config show --changed
    """
    from dataclasses import asdict

    from engine.config_file import show, validate
    from storage.home import Home, default_home

    path = Home(home or default_home()).config
    if what == "validate":
        problems = validate(path)
        emit([asdict(problem) for problem in problems], output, empty="no mistake")
        return 1 if problems else 0
    values = [asdict(value) for value in show(path, secrets=secrets) if not changed or value.source != "default"]
    emit(values, output, limit=0, empty="everything is at its default")
    if not path.is_file():
        say(f"there is no {path}; defaults and environment variables are in force")
    return 0
