"""The console over a real home, driven by keys."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.shell import WatchroomApp
from engine.room import Room
from tests.console.homes import Hands, fill, open_room


@pytest.fixture
def hands() -> Hands:
    """2026-03-02 02:14:07 UTC, until it is moved."""
    return Hands()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the home is."""
    return tmp_path / "watchroom"


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three models, a past, and an alert; made once, never changed."""
    path, hands = tmp_path_factory.mktemp("filled") / "watchroom", Hands()
    fill(open_room(path, hands), hands).ledger.close()
    return path


@pytest.fixture
def room(home: Path, filled: Path, hands: Hands) -> Room:
    """A copy of that home."""
    shutil.copytree(filled, home)
    return open_room(home, hands)


@pytest.fixture
def console(room: Room) -> Callable[..., WatchroomApp]:
    """Makes the console over that home."""

    def make(over: Room = room, **options: object) -> WatchroomApp:
        return WatchroomApp(over, host="web-3", tick_s=None, **options)  # type: ignore[arg-type]

    return make


async def settled(pilot: Pilot[int]) -> None:
    """Wait until nothing is being read and everything read is drawn. Fails if that never happens."""
    app = pilot.app
    assert isinstance(app, WatchroomApp)

    def quiet() -> bool:
        return not app.feed.desks.busy and not app.is_resting and app.feed.held[str(app.pane.id)].read_at is not None

    for _ in range(400):
        await pilot.pause(0.02)
        if quiet():
            await pilot.pause()
            if quiet():  # what was drawn last asked for nothing more
                return
    raise AssertionError(f"still reading after 8 s: {app.feed.desks.busy}")


def screen_text(app: WatchroomApp) -> str:
    """What is on the screen, as text."""
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())
