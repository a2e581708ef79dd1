"""`watchroom formats`: what can be read, and why a log cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.options import ConfigOption, FormatOption, HomeOption, OutputOption
from console.output import Output, emit
from console.settings import manner_told
from storage.errors import UsageError

PANEL = "Logs"


def command(
    action: Annotated[str, typer.Argument(help="list, or test.")] = "list",
    file: Annotated[Path | None, typer.Argument(help="For test: the log.")] = None,
    format: FormatOption = "auto",
    output: OutputOption = Output.table,
    config: ConfigOption = None,
    home: HomeOption = None,
) -> int:
    """List the log formats, or test a file: which format fits, and the first lines that it cannot read and why.

    `formats test` ends with 1 when lines were rejected.

    Example: watchroom formats test /var/log/nginx/access.log
    """
    from storage.format import load, names

    if action == "list" and file is None:
        emit([{"format": n, "tables": ", ".join(load(n).tables), "about": load(n).title} for n in names()], output)
        return 0
    if action != "test" or file is None:
        raise UsageError("say `watchroom formats list` or `watchroom formats test FILE`")
    from console.examination import examine_file, show_examination

    found = examine_file(file, None if format == "auto" else format, manner_told(config, home))
    return show_examination(found, output)
