"""What every pane must do; a new file in console/panes is tested here before its author writes a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest

from console import actions
from console.cells import width
from console.pane import Ask, Pane, panes
from console.shell import WatchroomApp
from engine.room import Room
from tests.console.conftest import screen_text, settled
from tests.console.homes import Hands, open_room

EVERY = pytest.mark.parametrize(("name", "kind"), panes(), ids=[name for name, _ in panes()])


def test_numbers_are_keys_of_their_own() -> None:
    numbers = [kind.number for _, kind in panes()]
    assert len(set(numbers)) == len(numbers)
    assert all(1 <= n <= 9 for n in numbers)


@EVERY
def test_it_says_what_it_is(name: str, kind: type[Pane[Any]]) -> None:
    assert kind.title and kind.title == kind.title.strip()
    assert kind.__doc__ and kind.__module__.endswith(name)
    assert kind.refresh_s >= 1.0, "no timer faster than a second"


@EVERY
def test_it_reads_without_the_toolkit_running(name: str, kind: type[Pane[Any]], room: Room) -> None:
    snapshot = kind.read(room, Ask("production"))
    assert is_dataclass(snapshot) or isinstance(snapshot, tuple)


@EVERY
def test_it_reads_an_empty_home(name: str, kind: type[Pane[Any]], tmp_path: Path) -> None:
    kind.read(open_room(tmp_path / "empty", Hands()), Ask("production"))


@EVERY
async def test_it_shows_in_small_terminals_and_takes_its_share_of_the_keys(
    name: str, kind: type[Pane[Any]], console: Callable[..., WatchroomApp]
) -> None:
    """Large ones are drawn in test_screens.py."""
    app = console()
    leaving = {"end", "interrupt", "suspend", "go_back"}
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(str(kind.number))
        await settled(pilot)
        for columns, rows in ((60, 15), (40, 8), (80, 24)):
            await pilot.resize_terminal(columns, rows)
            await pilot.pause()
            lines = screen_text(app).splitlines()
            assert app.pane.id == name
            assert (len(lines), max(map(width, lines))) == (rows, columns)
            assert (f"{kind.number} {kind.title}" in lines[1]) or columns < 60
            assert ("is small" in lines[-1]) == (columns < 60)
        # A quarter of the keys in each pane: every key is pressed in two panes.
        for action in actions.ACTIONS[kind.number % 4 :: 4]:
            if action.id not in leaving:
                await pilot.press(action.keys.split(",")[0], "escape", str(kind.number))
        await settled(pilot)
        assert app.is_running


@EVERY
async def test_it_shows_an_empty_home_in_words(
    name: str, kind: type[Pane[Any]], tmp_path: Path, console: Callable[..., WatchroomApp]
) -> None:
    app = console(open_room(tmp_path / "empty", Hands()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(str(kind.number))
        await settled(pilot)
        body = [line for line in screen_text(app).splitlines()[3:-1] if line.strip(" ─")]
        assert body, "an empty pane says why it is empty"
