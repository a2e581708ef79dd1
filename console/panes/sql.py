"""7 SQL: ask the lake and the ledger; read-only and fenced, like `watchroom sql`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from console import words
from console.cells import Cell, SafeText, Tone, cell, printable, width
from console.exits import told
from console.pane import Ask, Pane
from console.panes._details import fields_text
from console.reading import Done
from console.widgets.bars import Bar, RuleLine
from console.widgets.filterbar import SafeInput
from console.widgets.grid import Column, Grid, Row
from storage.brake import Brake

if TYPE_CHECKING:
    from engine.room import Room

SHOWN = 500
TIMEOUT_S = 30.0
WIDEST = 40
CATALOGUE = "SHOW TABLES"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: its columns and at most `SHOWN` of its rows."""

    statement: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    total: int
    numeric: frozenset[str] = field(default_factory=frozenset)


class SqlPane(Pane[Answer]):
    """One statement, and its answer; `watchroom sql` gives the same."""

    number = 7
    title = "SQL"
    refresh_s = 3600.0
    DEFAULT_CSS: ClassVar[str] = """
    SqlPane #line { height: 1; }
    SqlPane #prompt { width: 3; }
    SqlPane Input { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
    """

    @dataclass
    class Asked(Message):
        """A statement was entered; its brake stops it."""

        statement: str
        brake: Brake

    def __init__(self) -> None:
        super().__init__()
        self._history: list[str] = []
        self._at = 0
        self._answered = False
        self._asked: Brake | None = None

    def compose(self) -> ComposeResult:
        """The statement, and the answer below."""
        with Horizontal(id="line"):
            yield Bar(id="prompt")
            how = "SELECT … (; to type, Enter asks, ↑ ↓ earlier ones, Esc to the answer)"
            yield SafeInput(placeholder=how, id="statement", compact=True, select_on_focus=False)
        yield RuleLine(id="answered")
        yield Grid((Column("", 0),), empty="no rows", id="answer")

    def on_mount(self) -> None:
        """Draw the prompt."""
        self.query_one("#prompt", Bar).show(lambda _c, _r: [(cell(" ; ", Tone.ACCENT),)])

    @staticmethod
    def read(room: Room, ask: Ask) -> Answer:
        """What there is to ask: tables and views."""
        del ask
        return answer(room, CATALOGUE)

    def draw(self, snapshot: Answer) -> None:
        """The catalogue, until something was asked."""
        if not self._answered:
            self.show(snapshot)

    def took(self, done: Done) -> None:
        """Show what came of a statement."""
        self._answered = True
        self._asked = None
        if done.error is None:
            self.show(done.value)
        else:
            self._title(printable(told(done.error), limit=300), "")

    def show(self, found: Answer) -> None:
        """Show an answer."""
        grid = self.query_one(Grid)
        texts = [[value_text(v) for v in row] for row in found.rows]
        grid.set_columns(columns_of(found, texts))
        grid.set_rows([
            Row(str(i), tuple(Cell(t) for t in row), about=dict(zip(found.columns, found.rows[i], strict=True)))
            for i, row in enumerate(texts)
        ])  # fmt: skip
        more = f"{len(found.rows):,} of {found.total:,} rows shown" if found.total > len(found.rows) else ""
        self._title(
            printable(found.statement, limit=100), more or f"{found.total:,} row{'' if found.total == 1 else 's'}"
        )

    def _title(self, title: SafeText, right: str) -> None:
        self.query_one(RuleLine).set_rule(self.glyphs, title, SafeText(right))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        statement = event.value.strip()
        if self._asked is not None:
            self._title(SafeText("still asking"), "Esc stops it")
        elif statement:
            self._history = [s for s in self._history if s != statement] + [statement]
            self._at = len(self._history)
            self._asked = Brake()
            self._title(SafeText("asking"), f"at most {TIMEOUT_S:.0f} s, Esc stops it")
            self.post_message(self.Asked(statement, self._asked))

    def interrupt(self) -> bool:
        """Stop the query that runs, at once; False if none does."""
        if self._asked is None:
            return False
        self._asked.pull()
        return True

    def on_key(self, event: events.Key) -> None:
        """Esc stops the query that runs, else goes to the answer; up and down bring earlier statements back."""
        if event.key == "escape" and self.interrupt():
            event.stop()
            event.prevent_default()
            return
        statement = self.query_one(Input)
        if not statement.has_focus:
            return
        if event.key == "escape":
            event.stop()
            self.query_one(Grid).focus()
        elif event.key in {"up", "down"} and self._history:
            event.stop()
            self._at = min(len(self._history) - 1, max(0, self._at + (-1 if event.key == "up" else 1)))
            statement.value = self._history[self._at]
            statement.cursor_position = len(statement.value)

    def detail(self, row: Row) -> tuple[SafeText, SafeText] | None:
        """A row of the answer, a column a line."""
        return (SafeText(f"row {int(row.key) + 1}"), fields_text(row.about)) if isinstance(row.about, dict) else None


def answer(room: Room, statement: str, brake: Brake | None = None) -> Answer:
    """What a statement gives, in a thread. Raises QueryError when it is refused, fails, takes too long or is stopped.

    Rows that are not shown are counted and not kept, so an answer of any size costs no memory.
    """
    from storage.fence import Limits, answering

    rows: list[tuple[Any, ...]] = []
    total = 0
    with answering(room.reader, statement, Limits(timeout_s=TIMEOUT_S), brake) as found:
        for frame in found:
            total += frame.height
            rows += frame.head(SHOWN - len(rows)).rows()
        numeric = frozenset(n for n, kind in found.schema.items() if kind.is_numeric())
        return Answer(statement, found.schema.names(), rows, total, numeric)


def columns_of(found: Answer, texts: Sequence[Sequence[SafeText]]) -> list[Column]:
    """A column for each, as wide as its widest value, the last one as wide as there is room for."""
    out = []
    for index, name in enumerate(found.columns):
        title = printable(name, limit=WIDEST)
        widest = max([width(title), *(width(row[index]) for row in texts)])
        last = index == len(found.columns) - 1 and name not in found.numeric
        out.append(Column(title, 0 if last else min(WIDEST, max(1, widest)), right=name in found.numeric))
    return out


def value_text(value: object) -> SafeText:
    """A value on one line; bytes as hex, times in UTC."""
    if isinstance(value, datetime):
        return words.stamp(value) if value.tzinfo else printable(value)
    if isinstance(value, bytes):
        return SafeText(value[:64].hex())
    if isinstance(value, float):
        return SafeText(f"{value:.6g}")
    return words.UNKNOWN if value is None else printable(value, limit=400)
