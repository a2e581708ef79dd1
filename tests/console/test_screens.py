"""What the screens look like. After a change that is meant: `pytest tests/console/test_screens.py --snapshot-update`,
and read the difference: the text of every screen is in `__snapshots__`, and two of them are drawn in colour."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.pilot import Pilot

from console.pane import panes
from console.shell import WatchroomApp
from tests.console.conftest import screen_text, settled

SCROLLBAR = re.compile(r"\s\s+[▁▂▃▄▅▆▇█]$")
SMALL, LARGE = (80, 24), (200, 50)


class TextScreen(SingleFileSnapshotExtension):
    """A screen as a text file."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT

    def serialize(self, data: object, **_options: object) -> str:
        """Lines without the blanks and the piece of a scrollbar at their ends."""
        return "\n".join(SCROLLBAR.sub("", line).rstrip() for line in str(data).splitlines()) + "\n"


@pytest.fixture
def screen(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """The screen as it was accepted."""
    return snapshot.use_extension(TextScreen)


async def shown(app: WatchroomApp, size: tuple[int, int], *keys: str) -> str:
    """The screen after those keys."""
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        return screen_text(app)


DRAWN = [(name, kind.number) for name, kind in panes() if name != "sql"]
"""SQL opens with the list of all tables and views, which is not the console's to keep; it is drawn with an answer."""


@pytest.mark.parametrize(("name", "number"), DRAWN, ids=[name for name, _ in DRAWN])
async def test_a_pane(name: str, number: int, console: Callable[..., WatchroomApp], screen: SnapshotAssertion) -> None:
    app = console()
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press(str(number))
        await settled(pilot)
        assert screen_text(app) == screen(name="80x24")
        await pilot.resize_terminal(*LARGE)
        await pilot.pause()
        await settled(pilot)
        assert screen_text(app) == screen(name="200x50")


@pytest.mark.parametrize(
    ("title", "keys"),
    [
        ("rollback", ["R"]),
        ("help", ["question_mark"]),
        ("finding", ["tab", "enter"]),
        ("filter", ["3", "slash", *"404"]),
        ("sql", ["semicolon", *"SELECT", "space", "4", "space", *"AS", "space", "n", "enter"]),
    ],
    ids=["rollback", "help", "finding", "filter", "sql"],
)
async def test_a_dialog(
    title: str, keys: list[str], console: Callable[..., WatchroomApp], screen: SnapshotAssertion
) -> None:
    assert await shown(console(), SMALL, *keys) == screen


@pytest.mark.parametrize("keys", [[], ["R"]], ids=["overview", "rollback"])
def test_in_colour(keys: list[str], console: Callable[..., WatchroomApp], snap_compare: Callable[..., bool]) -> None:
    async def ready(pilot: Pilot[int]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)

    assert snap_compare(console(), terminal_size=SMALL, run_before=ready)
