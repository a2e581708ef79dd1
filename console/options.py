"""The options that every command shares, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.completion import model_names
from console.output import Output

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar="WATCHROOM_HOME", help="The folder that holds lake and ledger.", show_default=False),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="A watchroom.toml: its time zone, its names of JSON keys.", show_default="that of the home"
    ),
]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", metavar="FORM", help=f"The answer as {', '.join(Output)}.")
]
FormatOption = Annotated[
    str, typer.Option("--format", "-f", help="The log format; `auto` picks it from the first lines.")
]
ModelArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A model's name, as `list-models` shows it.", autocompletion=model_names),
]
EnvironmentOption = Annotated[str, typer.Option("--env", help="The environment: staging or production.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with the change for ever.")]
BreakGlassOption = Annotated[
    str,
    typer.Option("--break-glass", metavar="REASON", help="Change a protected environment without a second person."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. A script must say it.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=0, help="Rows to give; 0 for all.", show_default="50 in a table, else all")
]
ToVersionOption = Annotated[
    str | None, typer.Option("--to-version", help="A version; default is the one before.", show_default=False)
]
PathsArgument = Annotated[
    list[str], typer.Argument(metavar="LOG...", help="Files, folders, or quoted globs.", show_default=False)
]
