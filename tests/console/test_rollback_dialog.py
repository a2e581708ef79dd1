"""The key that undoes: impossible by accident, refused when the registry moved, and undone by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input

from console.dialogs.rollback import RollbackDialog
from console.shell import WatchroomApp
from engine.room import Room
from storage.errors import RefusedError
from tests.console.conftest import screen_text, settled
from tests.console.homes import Hands, open_room

MODEL = "waf-behavioral"
SIZE = (80, 24)


async def open_dialog(pilot: Pilot[int]) -> RollbackDialog:
    """The dialog for the first model of the Overview: the one that fires."""
    await settled(pilot)
    await pilot.press("R")
    await settled(pilot)
    dialog = pilot.app.screen
    assert isinstance(dialog, RollbackDialog)
    return dialog


async def type_name(pilot: Pilot[int], name: str) -> None:
    pilot.app.screen.query_one("#name", Input).focus()
    await pilot.press(*name)


def deployments(room: Room) -> list[tuple[str, str, str]]:
    return [(d.version, d.kind, d.reason) for d in room.registry.history(MODEL, "production")]


async def test_it_shows_from_where_to_where_and_the_command(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await open_dialog(pilot)
        text = screen_text(app)
    shown = ("from     1.1.0 config 2", "to       1.0.0 config 1", "version 1.1.0 → 1.0.0", "since 01:32 by mara",
             "threshold 0.7 → 0.65", "rate_limit_per_min 120 → 90", f"watchroom rollback {MODEL}",
             "▼ FIRING")  # fmt: skip
    for words in shown:
        assert words in text


async def test_cancel_has_the_focus_and_the_other_button_is_off(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        dialog = await open_dialog(pilot)
        assert dialog.focused is dialog.query_one("#cancel", Button)
        assert dialog.query_one("#act", Button).disabled


@pytest.mark.parametrize(
    "keys", [["enter"], ["escape"], ["R", "R"], ["R", "enter"], ["enter", "enter", "enter"]], ids=str
)
async def test_enter_escape_and_the_opening_key_change_nothing(
    keys: list[str], console: Callable[..., WatchroomApp], room: Room
) -> None:
    before = deployments(room)
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await open_dialog(pilot)
        await pilot.press(*keys)
        await settled(pilot)
    assert deployments(room) == before


async def test_a_double_press_opens_one_dialog(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("R", "R")
        await settled(pilot)
        assert len(app.screen_stack) == 2


async def test_a_pasted_name_is_no_confirmation(console: Callable[..., WatchroomApp], room: Room) -> None:
    before = deployments(room)
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        dialog = await open_dialog(pilot)
        name = dialog.query_one("#name", Input)
        name.focus()
        app.post_message(events.Paste(f"{MODEL}\n"))
        await pilot.pause()
        await pilot.press("enter", "enter")
        assert name.value == ""
        assert dialog.query_one("#act", Button).disabled
    assert deployments(room) == before


async def test_a_wrong_name_is_told_and_changes_nothing(console: Callable[..., WatchroomApp], room: Room) -> None:
    before = deployments(room)
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        dialog = await open_dialog(pilot)
        await type_name(pilot, "n1-detector")
        await pilot.press("enter")
        assert f"type {MODEL}" in dialog.problem
        assert dialog.query_one("#act", Button).disabled
    assert deployments(room) == before


async def test_without_a_reason_nothing_happens(console: Callable[..., WatchroomApp], room: Room) -> None:
    before = deployments(room)
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        dialog = await open_dialog(pilot)
        dialog.query_one("#reason", Input).value = "   "
        await type_name(pilot, MODEL)
        await pilot.press("enter")
        assert "reason" in dialog.problem
    assert deployments(room) == before


async def test_the_typed_name_and_two_enters_roll_back(console: Callable[..., WatchroomApp], room: Room) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        dialog = await open_dialog(pilot)
        assert dialog.query_one("#reason", Input).value == "accuracy 0.800 under 0.90"
        await type_name(pilot, MODEL)
        await pilot.press("enter")
        assert dialog.focused is dialog.query_one("#act", Button)
        assert len(deployments(room)) == 2, "Enter in a field only goes on"
        await pilot.press("enter")
        await settled(pilot)
        assert len(app.screen_stack) == 1
        assert "runs now" in screen_text(app)
    assert deployments(room)[0] == ("1.0.0", "rollback", "accuracy 0.800 under 0.90")


async def test_a_rollback_is_undone_by_a_rollback(console: Callable[..., WatchroomApp], room: Room) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(2):
            dialog = await open_dialog(pilot)
            dialog.query_one("#reason", Input).value = "try"
            await type_name(pilot, MODEL)
            await pilot.press("enter", "enter")
            await settled(pilot)
    now = room.registry.config(MODEL, "production")
    assert (now.version, now.config["threshold"]) == ("1.1.0", 0.70)
    assert [kind for _, kind, _ in deployments(room)] == ["rollback", "rollback", "deploy", "deploy"]


async def test_a_registry_that_moved_is_told_with_who_and_nothing_changes(
    console: Callable[..., WatchroomApp], room: Room, hands: Hands
) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        dialog = await open_dialog(pilot)
        other = open_room(room.home.path, hands, actor="idris")
        other.registry.update_config(MODEL, "production", {"threshold": 0.8}, reason="meanwhile")
        before = deployments(room)
        await type_name(pilot, MODEL)
        await pilot.press("enter", "enter")
        await settled(pilot)
        assert app.screen is dialog
        assert "idris" in dialog.problem
        assert dialog.focused is dialog.query_one("#cancel", Button)
    assert deployments(room) == before


async def test_a_model_with_no_past_is_told(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("j")
        await pilot.press("R")
        await settled(pilot)
        dialog = app.screen
        assert isinstance(dialog, RollbackDialog)
        assert "n1-detector" in dialog.problem


async def test_a_read_only_console_greys_the_key_and_opens_nothing(
    console: Callable[..., WatchroomApp], room: Room
) -> None:
    app = console(replace(room, read_only=True))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert app.check_action("roll_back", ()) is None
        await pilot.press("R")
        await settled(pilot)
        assert len(app.screen_stack) == 1
        text = screen_text(app)
        assert "READ-ONLY" in text
        assert "R (roll back)" in text


async def test_the_engine_refuses_even_if_the_key_did_not(console: Callable[..., WatchroomApp], room: Room) -> None:
    before = deployments(room)
    closed = replace(room, read_only=True)
    app = console(closed)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.changes.roll_back(MODEL, "production")
        await settled(pilot)
        dialog = app.screen
        assert isinstance(dialog, RollbackDialog)
        dialog.query_one("#reason", Input).value = "try"
        await type_name(pilot, MODEL)
        await pilot.press("enter", "enter")
        await settled(pilot)
        assert "read-only" in dialog.problem
    assert deployments(room) == before
    with pytest.raises(RefusedError):
        closed.writable()
