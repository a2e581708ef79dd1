"""Draw docs/screenshot.svg: the Overview over the recorded sample, at the moment its bad release is noticed."""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.alerts import evaluate
from engine.demo import MODEL, Performance, logs_beside, perform
from engine.room import Room

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from console.shell import WatchroomApp

TARGET = Path(__file__).parents[1] / "docs" / "screenshot.svg"
FONTS = "ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace"
AS_IT_HAPPENED = Performance(speed=1.0, begin=0.55, bad_after=0.6)
"""Played faster, verdicts would carry times from before the release that they are of. Takes up to five minutes."""


def played(home: Path) -> Room:
    """A home into which the recorded sample lands until the alert of its bad release fires."""
    room, stop = Room.open(home, create=True), threading.Event()

    def watch() -> None:
        firing = "SELECT 1 FROM open_alerts WHERE model = ? AND state = 'firing' AND value < limit_value"
        while not stop.wait(0.5):
            if room.reader.query(firing, [MODEL]).height:
                stop.set()

    threading.Thread(target=watch, daemon=True).start()
    perform(room, logs_beside(home), AS_IT_HAPPENED, stop)
    stop.set()
    for _ in range(3):  # a slow machine is through before the rule was asked as often as it wants to be
        evaluate(room.reader, room.ledger, room.clock, room.registry.actor)
    return room


async def drawn(room: Room, size: tuple[int, int], keys: list[str]) -> str:
    """The console's screen as SVG, after those keys."""
    from console.shell import WatchroomApp

    app = WatchroomApp(room, host="web-3", tick_s=None)
    async with app.run_test(size=size) as pilot:
        await _settled(app, pilot)
        for key in keys:
            await pilot.press(key)
            await _settled(app, pilot)
        return app.export_screenshot(title="watchroom")


async def _settled(app: WatchroomApp, pilot: Pilot[Any]) -> None:
    quiet = 0
    for _ in range(400):
        await pilot.pause(0.05)
        quiet = 0 if app.feed.desks.busy or app.is_resting else quiet + 1
        if quiet == 2:  # what was drawn last may have asked for more
            return
    raise SystemExit("the console did not settle")


def self_contained(svg: str) -> str:
    """The drawing without fonts from elsewhere: a page that shows it asks nobody for anything."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.S)
    return re.sub(r"font-family:\s*[^;]*;", f"font-family: {FONTS};", svg)


def main() -> None:
    """Play the sample, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="100x30", help="columns x rows")
    parser.add_argument("--keys", default="", help="keys to press first, comma-separated")
    parser.add_argument("--home", type=Path, help="a home to draw instead of playing the sample")
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    columns, rows = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory(prefix="watchroom-") as folder:
        room = Room.open(given.home) if given.home else played(Path(folder) / "home")
        newest = room.reader.query("SELECT max(ts) AS ts FROM landing_commit")["ts"][0]
        held = datetime.fromisoformat(newest)
        still = Room(room.home, room.lake, room.ledger, room.reader, room.registry, lambda: held, room.read_only)
        svg = asyncio.run(drawn(still, (columns, rows), [k for k in given.keys.split(",") if k]))
    given.out.write_text(self_contained(svg), encoding="utf-8")
    print(given.out)


if __name__ == "__main__":
    main()
