"""The SQL pane while a query runs: Esc and Ctrl-C stop it at once, and nothing else ends."""

from __future__ import annotations

from collections.abc import Callable

from textual.widgets import Input

from console.panes.sql import SqlPane
from console.shell import WatchroomApp
from tests.console.conftest import screen_text, settled

ENDLESS = "SELECT sum(range % 7) FROM range(1000000000000)"


async def test_a_running_query_is_stopped_by_escape_or_ctrl_c(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("semicolon")
        await settled(pilot)
        typed = app.main.query_one("#statement", Input)
        for key in ("escape", "ctrl+c"):
            typed.value = ENDLESS
            typed.focus()
            await pilot.press("enter")
            await pilot.pause()
            assert "ask" in app.feed.desks.busy
            if key == "escape":
                typed.value = "SELECT 1"
                await pilot.press("enter")
                assert "still asking" in screen_text(app)
            await pilot.press(key)
            await settled(pilot)
            assert "the query was interrupted" in screen_text(app)
        assert app.is_running and app.pane.id == "sql"
        typed.value = "SELECT 40 + 2 AS n"
        typed.focus()
        await pilot.press("enter")
        await settled(pilot)
        assert "42" in screen_text(app)
        assert not app.main.query_one(SqlPane).interrupt()
