"""The command line: finds the commands, maps errors to exit codes, and opens the console when given none.

`watchroom --help` must stay quick, so nothing heavy is imported here nor at the head of a command's file.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import console.commands as package
from console.confirm import READ_ONLY
from console.exits import ExitCode, exit_code_for, told
from console.options import HomeOption
from console.output import close_quietly, say
from storage.errors import WatchroomError

app = typer.Typer(
    name="watchroom",
    help="A terminal ops console: it tails logs, lands them as Parquet, judges them with detectors, and manages the"
    " detectors as models. Alone it opens the console.",
    epilog="Exit codes: 0 fine · 1 found what it looks for · 2 usage or input · 3 unavailable, retry · 4 query failed ·"
    " 5 refused · 70 internal · 130, 143 ended.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def command_names() -> list[str]:
    """The names of all commands, found without importing them."""
    return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_")


@app.callback(invoke_without_command=True)
def main_options(
    context: typer.Context,
    home: HomeOption = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", envvar=READ_ONLY, help="Change nothing, whatever key or command is given.")
    ] = False,
    no_mouse: Annotated[
        bool, typer.Option("--no-mouse", help="Leave the mouse to the terminal, to mark and copy with it.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """What may stand before a command, and what happens without one."""
    if version:
        from importlib.metadata import version as installed

        print(f"watchroom {installed('watchroom')}")
        raise typer.Exit
    if home is not None:
        os.environ["WATCHROOM_HOME"] = str(home)
    if read_only:
        os.environ[READ_ONLY] = "1"
    if context.invoked_subcommand is None:
        from console.app import open_console
        from engine.room import Room

        room = Room.open(home, read_only=read_only, origin="console")
        raise typer.Exit(open_console(room, mouse=not no_mouse))


PANELS = ("Logs", "Model Registry", "Performance Monitoring", "Auto-Tuning", "Deployment", "Monitoring", "Maintenance")
"""The groups of `--help`, in the order shown; each command's file names its own."""


def discover(names: Sequence[str] | None = None) -> typer.Typer:
    """The application with these commands in it (None: all), group by group."""
    chosen = command_names() if names is None else names
    modules = {name: importlib.import_module(f"console.commands.{name.replace('-', '_')}") for name in chosen}
    app.registered_commands.clear()
    for name in sorted(modules, key=lambda n: (PANELS.index(modules[n].PANEL), n)):
        app.command(name, rich_help_panel=modules[name].PANEL)(modules[name].command)
    return app


def wanted(arguments: Sequence[str]) -> list[str] | None:
    """The commands that a command line can mean; making all of them takes a tenth of a second. None: all of them, for
    help, completion, and the nearest name of one that is misspelt.
    """
    if any(name.endswith("_COMPLETE") for name in os.environ):
        return None
    named = sorted(set(arguments) & set(command_names()))
    return named or (None if arguments else [])


def main() -> None:
    """Run `watchroom`; the only place that ends the process."""
    sys.exit(run(sys.argv[1:]))


def joined(arguments: list[str]) -> list[str]:
    """A command's name in two or more words as one, so that `alerts test` is `alerts-test`; the longest name wins."""
    known = set(command_names())
    for count in range(min(4, len(arguments)), 1, -1):
        name = "-".join(arguments[:count])
        if name in known:
            return [name, *arguments[count:]]
    return arguments


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit code. Every error ends here as one line on stderr."""
    try:
        words = joined(arguments)
        returned = discover(wanted(words))(words, standalone_mode=False, prog_name="watchroom")
        return int(returned or 0)
    except WatchroomError as error:
        say(f"watchroom: {told(error)}")
        return exit_code_for(error)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "watchroom"
        say(f"watchroom: {error.format_message().rstrip('.')}; see `{command} --help`")
        return ExitCode.USAGE
    except typer.Abort:
        say("watchroom: interrupted")
        return ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        say("watchroom: interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        close_quietly()
        return ExitCode.OK
    except Exception as error:
        say(f"watchroom: internal error, {type(error).__name__}: {error}; details in {_record(error)}")
        return ExitCode.INTERNAL


def _record(error: Exception) -> Path:
    """Write an unexpected error whole, without local variables (they may hold secrets); returns where."""
    import tempfile

    handle, path = tempfile.mkstemp(prefix="watchroom-crash-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as sink:
        sink.write(" ".join(["watchroom", *sys.argv[1:]]) + "\n\n")
        sink.writelines(traceback.format_exception(error))
    return Path(path)
