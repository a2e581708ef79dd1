"""The stream: follows, freezes, counts, marks what was flagged later, and folds loops of statements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
from textual import events
from textual.pilot import Pilot

from console.pane import Ask
from console.panes.live import LivePane
from console.shell import WatchroomApp
from console.widgets.grid import RING_ROWS, Grid, Row
from engine.room import Room
from storage.lake import Lake
from storage.landing import Landing
from storage.ledger import Ledger
from tests.console.conftest import screen_text, settled
from tests.console.homes import NOW, Hands, land

SIZE = (80, 24)


def requests(count: int, start: int = 0) -> dict[str, pl.DataFrame]:
    rows = [{"ts": NOW + timedelta(milliseconds=i), "source": "access.log", "byte_offset": 10_000 + i,
             "client_ip": "192.0.2.77", "method": "GET", "path": f"/n/{i}", "status": 200}
            for i in range(start, start + count)]  # fmt: skip
    return {"requests": pl.DataFrame(rows)}


def test_a_loop_of_statements_is_one_line_with_its_count(room: Room) -> None:
    _, rows = LivePane.read(room, Ask("production"))
    loops = [row for row in rows if row.cells[1].text == "db"]
    assert len(loops) == 1
    assert loops[0].cells[4].text == "×48"
    assert loops[0].cells[3].text == "SELECT * FROM items WHERE order_id = ?"
    assert loops[0].cells[5].text == "96 ms"


def test_only_what_landed_since_is_read(room: Room) -> None:
    tail, _ = LivePane.read(room, Ask("production"))
    land(room, requests(3), "land")
    _, rows = LivePane.read(room, Ask("production", after_commit=tail.commit_id))
    assert [row.cells[3].text for row in rows] == ["GET /n/0", "GET /n/1", "GET /n/2"]


def test_a_huge_commit_is_cut_and_the_rest_is_counted(room: Room) -> None:
    tail, _ = LivePane.read(room, Ask("production"))
    land(room, requests(7_000), "land")
    more, rows = LivePane.read(room, Ask("production", after_commit=tail.commit_id))
    assert (len(rows), more.skipped) == (2_000, 5_000)
    assert rows[-1].cells[3].text == "GET /n/6999"


def test_a_busy_log_does_not_crowd_out_a_slow_one(room: Room) -> None:
    tail, _ = LivePane.read(room, Ask("production"))
    slow = requests(10)["requests"].with_columns(pl.lit("slow.log").alias("source"))
    land(room, {"requests": pl.concat([slow, requests(7_000)["requests"]])}, "land")
    _, rows = LivePane.read(room, Ask("production", after_commit=tail.commit_id))
    assert len(rows) == 2_000
    assert sum(" slow.log " in row.key for row in rows) == 10


def test_a_long_line_is_cut_and_counted(room: Room) -> None:
    tail, _ = LivePane.read(room, Ask("production"))
    frame = requests(1)["requests"].with_columns(pl.lit("/" + "x" * 1_000_000).alias("path"))
    land(room, {"requests": frame}, "land")
    _, rows = LivePane.read(room, Ask("production", after_commit=tail.commit_id))
    assert rows[0].cells[3].text.endswith("…+999601")


async def later(pilot: Pilot[int], hands: Hands) -> None:
    """Two seconds on, with what landed meanwhile read."""
    hands.now += timedelta(seconds=2)
    assert isinstance(pilot.app, WatchroomApp)
    pilot.app.tick()
    await settled(pilot)


async def test_what_is_flagged_says_what_it_is(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        rows = app.pane.query_one(Grid).rows
    labels = {str(row.cells[3].text): row.cells[6].text for row in rows if row.marked}
    assert labels["SELECT * FROM items WHERE order_id = ?"].startswith("▌48 times")
    assert labels["GET /item/36"] == "▌probing"
    assert any(label.startswith("▌12.8 s") for label in labels.values())


async def test_a_verdict_that_comes_later_marks_lines_already_shown(
    console: Callable[..., WatchroomApp], room: Room, hands: Hands
) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        land(room, requests(2), "land")
        await later(pilot, hands)
        grid = app.pane.query_one(Grid)
        assert not grid.rows[-1].marked
        verdict = {"ts": NOW, "prediction_id": "late", "model": "waf-behavioral", "version": "1.1.0",
                   "environment": "production", "subject": "192.0.2.77", "window_start": NOW,
                   "window_end": NOW + timedelta(minutes=1), "score": 0.99, "threshold": 0.7, "flagged": True,
                   "reason": "late"}  # fmt: skip
        land(room, {"predictions": pl.DataFrame([verdict])}, "judge")
        await later(pilot, hands)
        assert grid.rows[-1].marked
        assert "▌late" in screen_text(app)


async def test_scrolling_up_freezes_and_counts_and_g_follows_again(
    console: Callable[..., WatchroomApp], room: Room
) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        await pilot.press("k", "k")
        grid = app.pane.query_one(Grid)
        above = [line[:79] for line in screen_text(app).splitlines()[3:20]]
        app.pane.draw(LivePane.read(room, app.pane.ask()))
        land(room, requests(1_204), "land")
        app.pane.draw(LivePane.read(room, app.pane.ask()))
        await pilot.pause()
        text = screen_text(app)
        assert "▼ 1,204 new (G to follow)" in text
        assert [line[:79] for line in text.splitlines()[3:20]] == above
        await pilot.press("G")
        await pilot.pause()
        text = screen_text(app)
        assert "following · 1,246 rows" in text
        assert "flagged (E goes there)" in text
        assert "/n/1203" in text
        assert grid.following


async def test_the_list_stays_bounded_while_following_and_while_frozen(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        grid = app.pane.query_one(Grid)
        plain = grid.rows[0]
        batch = [Row(str(i), plain.cells, about=plain.about) for i in range(4_000)]
        for _ in range(3):
            grid.add_rows(batch)
            await pilot.pause()
        assert len(grid.rows) == RING_ROWS
        assert grid.following, "what makes room for new rows is no scrolling away"
        await pilot.press("g")
        for _ in range(8):
            grid.add_rows(batch)
        assert len(grid.rows) <= 4 * RING_ROWS


async def test_the_wheel_freezes_the_stream(console: Callable[..., WatchroomApp]) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        grid = app.pane.query_one(Grid)
        assert grid.following
        await pilot._post_mouse_events([events.MouseScrollUp], grid, offset=(5, 5))
        await pilot.pause()
        assert not grid.following
        assert "G to follow" in screen_text(app)


def log_line(number: int) -> str:
    at = f"02/Mar/2026:02:1{number // 60}:{number % 60:02d} +0000"
    return f'192.0.2.9 - - [{at}] "GET /w/{number}?token=c4n4ry HTTP/1.1" 200 5 "-" "curl"\n'


async def until(pilot: Pilot[int], true: Callable[[], bool]) -> None:
    """Wait for what another thread brings. Fails if it never comes."""
    for _ in range(500):
        await pilot.pause(0.02)
        if true():
            return
    raise AssertionError("it never came")


async def test_a_line_is_shown_before_it_lands_masked_and_never_twice(
    console: Callable[..., WatchroomApp], room: Room, hands: Hands, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    log.write_text(log_line(0))
    daemon = Landing(Lake(room.home, Ledger(room.home.ledger), hands), format_name="combined", clock=hands)
    daemon.ingest([log])
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        grid = app.pane.query_one(Grid)

        def shown() -> list[str]:
            return [row.cells[3].text.split("/")[2].split("?")[0] for row in grid.rows if "/w/" in row.text]

        assert shown() == ["0"]
        with log.open("a") as out:
            out.write(log_line(1) + log_line(2))
        await until(pilot, lambda: shown() == ["0", "1", "2"])
        assert "token=***" in grid.rows[-1].text and "c4n4ry" not in screen_text(app)
        daemon.ingest([log])
        with log.open("a") as out:
            out.write(log_line(3))
        await until(pilot, lambda: shown() == ["0", "1", "2", "3"])
        await later(pilot, hands)
        assert shown() == ["0", "1", "2", "3"]
        daemon.ingest([log])
        await later(pilot, hands)
        await pilot.pause(0.1)
        assert shown() == ["0", "1", "2", "3"]


async def test_a_record_that_landed_unfinished_is_shown_once_when_it_comes_whole(
    console: Callable[..., WatchroomApp], room: Room, hands: Hands
) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        await settled(pilot)
        grid = app.pane.query_one(Grid)
        before = len(grid.rows)
        for path in ("/n/0?unfini", "/n/0?unfinished"):
            land(room, {"requests": requests(1)["requests"].with_columns(pl.lit(path).alias("path"))}, "land")
            await later(pilot, hands)
        assert len(grid.rows) == before + 1
        assert "/n/0?unfinished" in grid.rows[-1].text
