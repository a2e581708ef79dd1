"""The contract of a pane, and how panes are found.

A pane is one file in `console/panes/` with exactly one subclass of `Pane`. `read` runs in a thread, is given the room
and what the pane asks for, and never touches a widget; `draw` runs in the user interface, is given what `read`
returned, and never waits. So each can be tested without the other, and a slow read never holds a key.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual.containers import Vertical
from textual.widget import Widget

from console.cells import EMPTY, SafeText, printable
from console.theme import UNICODE, Glyphs
from console.widgets.grid import Grid, Row
from storage.discovery import member_class, member_names

if TYPE_CHECKING:
    from engine.room import Room

Snapshot = TypeVar("Snapshot")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a pane wants to read: for which environment and model, and what it has seen already (a commit's number)."""

    environment: str
    model: str | None = None
    after_commit: int = 0


class Pane(Vertical, Generic[Snapshot]):
    """One pane of the console."""

    number: ClassVar[int]
    """The key that opens it."""
    title: ClassVar[str]
    refresh_s: ClassVar[float] = 2.0
    """The least time between two reads, in seconds; never below 1."""

    environment: str = "production"
    glyphs: Glyphs = UNICODE

    @staticmethod
    def read(room: Room, ask: Ask) -> Any:
        """What the pane shows, read in a thread. Raises WatchroomError with a line for the reader."""
        raise NotImplementedError

    def draw(self, snapshot: Snapshot) -> None:
        """Show what `read` returned."""
        raise NotImplementedError

    def ask(self) -> Ask:
        """What to read next."""
        return Ask(self.environment, self.model)

    @property
    def model(self) -> str | None:
        """The model that the reader has chosen here, if panes of this kind let them choose."""
        return None

    @property
    def version(self) -> str | None:
        """The version that the reader has chosen here; None: whichever is newest."""
        return None

    def choose(self, model: str) -> None:
        """Put the cursor on a model; a pane without models does nothing."""

    def landing(self) -> Widget | None:
        """The part that has the focus when the pane opens."""
        return next(iter(self.query(Grid)), None)

    def grid(self) -> Grid | None:
        """The list that keys act on: the focused one, else the first."""
        grids = list(self.query(Grid))
        return next((g for g in grids if g.has_focus), grids[0] if grids else None)

    def detail(self, row: Row) -> tuple[SafeText, SafeText] | None:
        """Title and text of a row's detail; None if there is nothing more to tell."""
        return printable(f"{self.title}: {row.key}", limit=60), row.text

    @staticmethod
    def more(room: Room, row: Row) -> SafeText:
        """What of a row's detail must be read, shown below it; called in a thread. Empty if there is nothing."""
        del room, row
        return EMPTY


@functools.cache
def panes() -> tuple[tuple[str, type[Pane[Any]]], ...]:
    """All panes as (module name, class), by number. Found by looking into `console/panes`; there is no list to keep."""
    import console.panes as package

    found = [(name, member_class(package, name, Pane)) for name in member_names(package)]
    return tuple(sorted(found, key=lambda pair: pair[1].number))
