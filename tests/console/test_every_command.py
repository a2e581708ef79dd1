"""What every command keeps, held for each that is found."""

from __future__ import annotations

import importlib
import inspect
import re
import shlex
from typing import Any

import pytest
import typer

from console import cli

GROUP: Any = typer.main.get_command(cli.discover())
NAMES = cli.command_names()


def command(name: str) -> Any:
    return GROUP.commands[name]


def test_the_discovered_commands_are_the_offered_ones() -> None:
    assert sorted(GROUP.commands) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example_that_parses(name: str) -> None:
    """The example in `--help` is a command line that the command accepts."""
    text = inspect.cleandoc(command(name).help or "")
    match = re.search(r"^Example: (watchroom .+(?:\n\s+.+)*)", text, re.M)
    assert match, "no example"
    words = shlex.split(" ".join(match.group(1).split()))
    assert words[1] == name
    context = command(name).make_context(name, words[2:], resilient_parsing=False)
    assert context.params


@pytest.mark.parametrize("name", NAMES)
def test_it_names_its_group_and_takes_a_home(name: str) -> None:
    module = importlib.import_module(f"console.commands.{name.replace('-', '_')}")
    assert module.PANEL in cli.PANELS
    assert "home" in {p.name for p in command(name).params}


@pytest.mark.parametrize("name", NAMES)
def test_what_can_be_confirmed_can_be_rehearsed(name: str) -> None:
    """A command that asks takes --yes for scripts and --dry-run for the careful."""
    options = {p.name for p in command(name).params}
    assert ("yes" in options) == ("dry_run" in options)


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_in_every_form(name: str) -> None:
    assert "output" in {p.name for p in command(name).params}
