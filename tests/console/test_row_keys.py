"""Keys that change the row under the cursor: the same key takes it back, and the row in full is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from console import proposals
from console.dialogs.confirm import ConfirmDialog
from console.shell import WatchroomApp
from engine.room import Room
from engine.scheduler_process import scheduler_of
from tests.console.conftest import screen_text, settled
from tests.console.homes import NOW, Hands, open_room
from tests.engine.test_n1_patterns import LOOP, traces

SIZE = (100, 30)


async def test_an_alert_is_taken_on_and_silenced_and_both_are_taken_back(
    console: Callable[..., WatchroomApp], room: Room
) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2")
        await settled(pilot)
        for key, says in (("a", "acknowledge 1"), ("s", "silence 1 --for 2h"),
                          ("a", "acknowledge 1 --release"), ("s", "silence 1 --end")):  # fmt: skip
            await pilot.press(key)
            await pilot.pause()
            assert f"watchroom {says}" in screen_text(app)
            await pilot.press("y")
            await settled(pilot)
            app.read_again()
            await settled(pilot)
    (row,) = room.reader.query("SELECT acknowledged_by, silenced_by FROM open_alerts").rows()
    assert row == (None, None)
    said = room.reader.query("SELECT to_state FROM alert_history ORDER BY id DESC LIMIT 4")["to_state"].to_list()
    assert said == ["unsilenced", "released", "silenced", "acknowledged"]


async def test_the_loops_of_a_finding_are_called_fixed_and_open_again(
    console: Callable[..., WatchroomApp], tmp_path: Path
) -> None:
    room = open_room(tmp_path / "loops", Hands(NOW + timedelta(days=1)))
    room.lake.append({"predictions": traces((LOOP, "blog"))}, kind="judge")
    app = console(room)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("4")
        await settled(pilot)
        for state in ("fixed", "open"):
            await pilot.press("x")
            await settled(pilot)
            assert isinstance(app.screen, ConfirmDialog)
            await pilot.press("y")
            await settled(pilot)
            assert room.reader.query("SELECT state FROM n1_patterns")["state"].to_list() == [state]


async def test_a_job_is_paused_and_resumed(console: Callable[..., WatchroomApp], room: Room) -> None:
    scheduler_of(room)
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("8")
        await settled(pilot)
        for paused in (True, False):
            await pilot.press("s", "y")
            await settled(pilot)
            app.read_again()
            await settled(pilot)
            assert (" paused " in screen_text(app)) == paused


def test_running_a_job_says_how_it_went(room: Room) -> None:
    scheduler_of(room)
    job = room.reader.query("SELECT * FROM job_health WHERE job = 'ml-degradation-detection'").row(0, named=True)
    told = proposals.run_job(job)
    assert told.command == "watchroom scheduler run-now ml-degradation-detection"
    assert told.told(told.work(room)) == "ml-degradation-detection: success"


async def test_a_model_is_told_with_its_mistakes_in_a_dialog_and_beside_a_wide_pane(
    console: Callable[..., WatchroomApp],
) -> None:
    app = console()
    async with app.run_test(size=(200, 50)) as pilot:
        await settled(pilot)
        assert "newest mistakes" in screen_text(app)
        await pilot.press("4")
        await settled(pilot)
        assert "evidence" in screen_text(app)
        await pilot.resize_terminal(80, 24)
        await pilot.press("1", "enter", "G")
        await settled(pilot)
        await pilot.press("pagedown", "pagedown", "pagedown")
        await pilot.pause()
        text = screen_text(app)
        assert "false positive" in text or "false negative" in text


async def test_what_is_not_read_yet_is_not_called_empty(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        first = screen_text(app)
        assert "nothing was flagged" not in first
        await settled(pilot)
        await pilot.press("5")
        await settled(pilot)
        assert "no search for a better threshold yet" in screen_text(app)
