"""What the keys do: panes, moving, the filter, pause, going back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest
from textual import events
from textual.widgets import Input

from console.dialogs.detail import DetailDialog
from console.dialogs.help import HelpDialog
from console.shell import WatchroomApp
from console.widgets.filterbar import FilterBar
from console.widgets.grid import Grid
from engine.room import Room
from tests.console.conftest import screen_text, settled
from tests.console.homes import NOW, Hands, land

SIZE = (80, 24)


def one_request(path: str) -> dict[str, pl.DataFrame]:
    row = {"ts": NOW, "source": "access.log", "byte_offset": 1, "client_ip": "192.0.2.1", "method": "GET", "path": path,
           "status": 200}  # fmt: skip
    return {"requests": pl.DataFrame([row])}


async def test_the_first_frame_is_there_before_anything_is_read(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE):
        assert "1 Overview" in screen_text(app)


async def test_panes_open_by_number_and_the_chosen_model_goes_along(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("j")
        chosen = app.pane.model
        await pilot.press("6")
        await settled(pilot)
        assert app.pane.id == "registry"
        assert app.pane.model == chosen == "n1-detector"


async def test_moving_through_a_list(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        grid = app.pane.query_one("#models", Grid)
        names = [row.key for row in grid.shown]
        assert names[0] == "waf-behavioral", "what fires is on top"
        seen = []
        for key in ("j", "k", "G", "g"):
            await pilot.press(key)
            assert grid.current is not None
            seen.append(grid.current.key)
    assert seen == [names[1], names[0], names[2], names[0]]


async def test_enter_shows_the_whole_row_and_escape_closes_it(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert isinstance(app.screen, DetailDialog)
        assert "/wp-login.php" in screen_text(app), "evidence is shown"
        await pilot.press("escape")
        assert not isinstance(app.screen, DetailDialog)


async def test_help_opens_while_a_read_takes_for_ever(console: Callable[..., WatchroomApp]) -> None:
    """The reading thread blocks until the test ends; keys work all the while."""
    import threading

    app, stuck = console(), threading.Event()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.feed.desks.ask("registry", (app.pane.ask(), ""), stuck.wait)
        await pilot.press("6")
        await pilot.pause()
        assert app.pane.id == "registry"
        assert "reading" in screen_text(app)
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpDialog)
        await pilot.press("escape")
        await pilot.press("1")
        await pilot.pause()
        assert app.pane.id == "overview"
    stuck.set()


async def test_a_pane_that_cannot_be_read_says_stale_and_why(
    console: Callable[..., WatchroomApp], room: Room, hands: Hands
) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        for segment in room.lake.snapshot().of("predictions"):
            segment.path.unlink()
        hands.now = hands.now.replace(minute=15)
        app.read_again()
        await settled(pilot)
        text = screen_text(app)
    assert "STALE 60 s:" in text
    assert "waf-behavioral" in text, "what was known stays on the screen"


async def test_pause_holds_the_panes_and_counts_what_lands(console: Callable[..., WatchroomApp], room: Room) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        app.tick()
        await settled(pilot)
        await pilot.press("p")
        land(room, one_request("/while-paused"), "land")
        app.tick()
        await settled(pilot)
        text = screen_text(app)
        assert "PAUSED +1 rows" in text
        assert "/while-paused" not in text
        await pilot.press("p")
        await settled(pilot)
        text = screen_text(app)
        assert "PAUSED" not in text
        assert "/while-paused" in text


async def test_a_filter_works_while_it_is_typed_and_counts(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        await pilot.press("slash", *"wp-log")
        await pilot.pause()
        grid = app.pane.query_one(Grid)
        assert [row.cells[3].text for row in grid.shown] == ["GET /wp-login.php"] * 8
        assert "8 of 42 shown" in screen_text(app)
        await pilot.press("enter")
        assert app.main.query_one(FilterBar).display, "a kept filter stays in sight"
        await pilot.press("escape")
        await pilot.pause()
        assert len(grid.shown) == 42


@pytest.mark.parametrize("typed", ["(", "[[["])
async def test_a_wrong_filter_is_told_not_raised(typed: str, console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        await pilot.press("slash")
        app.main.query_one("#pattern").value = typed  # type: ignore[attr-defined]
        await pilot.pause()
        assert "not a regular expression" in screen_text(app)
        assert len(app.pane.query_one(Grid).shown) == 42


async def test_q_goes_back_and_ends_only_from_the_top(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("6")
        await settled(pilot)
        await pilot.press("q")
        assert app.pane.id == "overview"
        await pilot.press("escape")
        assert app.is_running, "Esc never ends the console"
        await pilot.press("q")
    assert app.return_code == 0


async def test_ctrl_c_twice_ends_once_does_not(console: Callable[..., WatchroomApp], hands: Hands) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+c")
        assert "ctrl+c again" in screen_text(app)
        assert app.is_running
        await pilot.press("ctrl+c")
    assert app.return_code == 130


async def test_an_alert_is_taken_on_by_name(console: Callable[..., WatchroomApp], room: Room) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2")
        await settled(pilot)
        assert "nobody" in screen_text(app)
        await pilot.press("a")
        await pilot.pause()
        assert "watchroom acknowledge 1" in screen_text(app), "shown before it is done"
        await pilot.press("y")
        await settled(pilot)
        assert "mara" in screen_text(app)
    assert room.reader.query("SELECT acknowledged_by FROM open_alerts")["acknowledged_by"].to_list() == ["mara"]


async def test_a_read_only_console_takes_on_no_alert(console: Callable[..., WatchroomApp], room: Room) -> None:
    app = console(replace(room, read_only=True))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2")
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)
    assert room.reader.query("SELECT acknowledged_by FROM open_alerts")["acknowledged_by"].to_list() == [None]


async def test_zoom_gives_the_list_the_screen_and_back(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab", "z")
        await pilot.pause()
        grid = app.pane.query_one("#news", Grid)
        assert grid.size.height > 18
        await pilot.press("q")
        await pilot.pause()
        assert grid.size.height < 12
        assert app.is_running


async def test_copying_goes_to_the_clipboard_of_the_terminal(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("y")
        assert "waf-behavioral" in app.clipboard


async def test_nothing_is_read_again_while_nothing_changed(console: Callable[..., WatchroomApp], hands: Hands) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.tick()
        await settled(pilot)
        app.read_again()
        await settled(pilot)
        before = app.feed.held["overview"].read_at
        hands.now = hands.now.replace(second=25)
        app.tick()
        await settled(pilot)
        assert app.feed.held["overview"].read_at == before


async def test_what_is_typed_ahead_of_the_filter_is_not_taken_for_commands(
    console: Callable[..., WatchroomApp],
) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        for key in ("/", "p", "q", "R"):
            app.post_message(events.Key({"/": "slash", "R": "R"}.get(key, key), key))
        await pilot.pause()
        assert app.main.query_one("#pattern", Input).has_focus
        assert app.feed.paused is None
        assert len(app.screen_stack) == 1


async def test_a_finding_is_labelled_after_a_look_and_a_yes(console: Callable[..., WatchroomApp], room: Room) -> None:
    labels = "SELECT subject, truth, actor, note FROM labels WHERE note = 'from the console'"
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("4")
        await settled(pilot)
        await pilot.press("f")
        await pilot.pause()
        assert "watchroom label waf-behavioral 203.0.113.39 false" in screen_text(app)
        await pilot.press("f", "enter")
        await settled(pilot)
        assert room.reader.query(labels).height == 0, "the opening key and Enter change nothing"
        await pilot.press("f", "y")
        await settled(pilot)
        app.read_again()
        await settled(pilot)
        assert "false alarm" in screen_text(app).splitlines()[4]
    assert room.reader.query(labels).rows() == [("203.0.113.39", False, "mara (console)", "from the console")]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT count(*) AS n FROM requests", "40"),
        ("DELETE FROM requests", "only SELECT is allowed"),
        ("SELECT * FROM read_text('/etc/passwd')", "query failed"),
        ("SELECT * FROM range(100000)", "500 of 100,000 rows shown"),
    ],
)
async def test_sql_answers_or_says_why_not(statement: str, says: str, console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("semicolon")
        await settled(pilot)
        typed = app.main.query_one("#statement", Input)
        assert typed.has_focus
        typed.value = statement
        await pilot.press("enter")
        await settled(pilot)
        assert says in screen_text(app)
        await pilot.press("escape")
        await pilot.press("1")
        assert app.pane.id == "overview"
