"""T and D: what would change is shown first, and only a yes does it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from console.cli import joined
from console.dialogs.confirm import ConfirmDialog
from console.shell import WatchroomApp
from engine.registry import Actor, Registry
from engine.room import Room
from tests.console.conftest import screen_text, settled

SIZE = (100, 30)


async def test_d_shows_what_would_change_and_deploys_after_a_yes_unless_somebody_was_faster(
    console: Callable[..., WatchroomApp], room: Room
) -> None:
    room.registry.rollback(room.registry.plan_rollback("waf-behavioral", "production"), reason="worse")
    idris = Registry(room.ledger, Actor("idris", "cli", "web-4"), room.clock)
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        for answer in ("escape", "conflict", "y"):
            await pilot.press("D")
            await settled(pilot)
            assert isinstance(app.screen, ConfirmDialog)
            text = screen_text(app)
            if answer == "conflict":
                idris.update_config("waf-behavioral", "production", {"threshold": 0.5}, reason="me first")
            await pilot.press("escape" if answer == "escape" else "y")
            await settled(pilot)
            ran = room.registry.config("waf-behavioral", "production").version
            assert ran == ("1.1.0" if answer == "y" else "1.0.0")
            assert ("idris" in screen_text(app)) == (answer == "conflict")
        assert "threshold 0.5 becomes 0.7" in text
        assert "watchroom deploy --version 1.1.0 waf-behavioral --env production" in text
        await pilot.press("D")
        await settled(pilot)
        assert "runs in production already" in screen_text(app)


async def test_t_shows_the_search_and_its_closed_gates_and_writes_it_down_after_a_yes(
    console: Callable[..., WatchroomApp], room: Room
) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("T")
        await settled(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        text = screen_text(app)
        assert "closed: G" in text
        assert "watchroom tune waf-behavioral" in text
        assert room.reader.query("SELECT count(*) AS n FROM tuning_runs").item() == 0
        await pilot.press("y")
        await settled(pilot)
        await pilot.press("5")
        await settled(pilot)
        text = screen_text(app)
        assert "why: " in text
        assert all(f" G{gate} " in text for gate in range(1, 9)), "every gate, and why"
    assert room.reader.query("SELECT model FROM tuning_runs")["model"].to_list() == ["waf-behavioral"]


@pytest.mark.parametrize(("words", "command"), [
    (["alerts", "test", "--tests"], ["alerts-test", "--tests"]),
    (["alerts", "--history"], ["alerts", "--history"]),
    (["deploy", "to", "production", "--all"], ["deploy-to-production", "--all"]),
    (["audit", "verify"], ["audit", "verify"]), ([], []), (["alerts-simulate"], ["alerts-simulate"]),
])  # fmt: skip
def test_a_command_may_be_written_in_words(words: list[str], command: list[str]) -> None:
    assert joined(words) == command
