"""One registry: what keys do, what help says, what the palette finds and what read-only forbids are the same list."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.binding import Binding

from console import actions
from console.cells import join
from console.cli import command_names
from console.dialogs.help import help_lines
from console.palette import ActionProvider
from console.pane import panes
from console.shell import WatchroomApp
from console.widgets.grid import Grid
from tests.console.conftest import settled

EVERY = pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda a: a.id)
KEPT_FROM_US = {"ctrl+b", "ctrl+a", "ctrl+s", "ctrl+m", "ctrl+i"}
"""tmux, screen, flow control, and the codes of Enter and Tab."""


@EVERY
def test_it_has_a_method_where_it_works(action: actions.Action) -> None:
    owner = Grid if action.scope == "list" else WatchroomApp
    method = getattr(owner, f"action_{action.id}")
    assert callable(method)
    assert method.__module__.startswith("console."), "the console's own, not the toolkit's"


@EVERY
def test_it_is_told_in_words(action: actions.Action) -> None:
    assert action.title and action.help.endswith(".")
    assert action.shown and action.keys


@EVERY
def test_its_keys_pass_every_terminal(action: actions.Action) -> None:
    keys = set(action.keys.split(","))
    assert not keys & KEPT_FROM_US
    assert not [k for k in keys if k.startswith(("alt+", "ctrl+shift+"))]


def test_no_key_means_two_things() -> None:
    keys = [k for a in actions.ACTIONS for k in a.keys.split(",")] + [str(kind.number) for _, kind in panes()]
    shared = {k for k in keys if keys.count(k) > 1}
    for key in shared:
        places = [a.panes for a in actions.ACTIONS if key in a.keys.split(",")]
        assert all(places) and len(frozenset.union(*places)) == sum(map(len, places)), key


@EVERY
def test_one_that_changes_something_names_its_engine_call_and_its_command(action: actions.Action) -> None:
    if not action.mutates:
        assert not action.engine_call and not action.cli_twin
        return
    module, _, rest = action.engine_call.partition(".Registry.") if ".Registry." in action.engine_call else (
        action.engine_call.rpartition(".")
    )  # fmt: skip
    owner = importlib.import_module(module)
    assert callable(getattr(owner.Registry, rest) if ".Registry." in action.engine_call else getattr(owner, rest))
    assert action.cli_twin in command_names()


@EVERY
def test_help_tells_it(action: actions.Action) -> None:
    pane = next(iter(action.panes), "overview")
    assert action.title in join(help_lines(pane, 76, read_only=False))


@EVERY
def test_every_binding_has_an_id_for_keymaps(action: actions.Action) -> None:
    for binding in actions.bindings(action.scope, [action]):
        assert isinstance(binding, Binding)
        assert binding.id and binding.description


async def test_the_palette_finds_exactly_the_actions_and_panes(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        found = [hit.text async for hit in ActionProvider(app.screen).discover()]
    assert len(found) == len(actions.ACTIONS) + len(panes())
    assert all(any(a.title in str(text) for text in found) for a in actions.ACTIONS)


def test_read_only_help_says_what_is_off() -> None:
    text = join(help_lines("overview", 200, read_only=True))
    assert "Not in a read-only console" in text


def test_the_manual_names_every_key() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "console.md").read_text(encoding="utf-8")
    missing = [a.id for a in actions.ACTIONS if f"`{a.shown}`" not in manual]
    assert not missing
