"""How a line of each kind of log is laid out in the Live pane's columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import overload

from console import words
from console.cells import EMPTY, Cell, Line, SafeText, Tone, cell, printable
from console.panes._tail import Event, Flag
from console.theme import Glyphs
from console.widgets.grid import Column, Row

COLUMNS = (
    Column("", 8), Column("", 3), Column("", 15), Column("", 0), Column("", 5, right=True), Column("", 8, right=True),
    Column("", 10), Column("", 0, least=120),
)  # fmt: skip
_CLAUSE = re.compile(r"[:;,]")
_USUAL = frozenset({"log", "info", "notice", "debug", "trace"})
"""Levels that need no word: their message has the room."""


def event_row(event: Event) -> Row:
    """An event as a row, not flagged."""
    return Row(event.key, _Cells(event), about=event)


def flagged_row(row: Row, flag: Flag, glyphs: Glyphs) -> Row:
    """The row with what it was flagged as, and the flag's reason."""
    cells = (
        *row.cells[:-2],
        cell(f"{glyphs.flag}{named(flag, row)}", Tone.BAD),
        cell(printable(flag.reason, limit=200), Tone.WARN),
    )
    return replace(row, cells=cells, marked=True)


def named(flag: Flag, row: Row) -> str:
    """What was found in a word or two: how the reason begins; of a job without its type, which the row says."""
    words_ = flag.reason
    if isinstance(row.about, Event) and row.about.kind == "job":
        words_ = words_.removeprefix(f"{row.about.parts[0]}: ")
    return _CLAUSE.split(words_, maxsplit=1)[0] or flag.model


_Laid = tuple[str, str, str, SafeText]


def _web(parts: Sequence[str]) -> _Laid:
    client, method, path, status, duration = parts
    return client, f"{method} {path}", status, _milliseconds(duration)


def _db(parts: Sequence[str]) -> _Laid:
    who, database, sql, times, duration, _ = parts
    return f"{who[:8]} {database}", " ".join(sql.split()), f"×{times}" if times != "1" else "", _milliseconds(duration)


def _job(parts: Sequence[str]) -> _Laid:
    kind, worker, duration, memory, status, error = parts
    size = f" {float(memory):.0f} MB" if memory else ""
    return kind, f"{worker}{size} {error}".strip(), status, _milliseconds(duration)


def _log(parts: Sequence[str]) -> _Laid:
    level, logger, message = parts
    return logger, message, "" if level in _USUAL else level, EMPTY


_LAYOUTS = {"web": _web, "db": _db, "job": _job, "log": _log}


def _milliseconds(text: str) -> SafeText:
    return words.milliseconds(float(text)) if text else EMPTY


class _Cells(Sequence[Cell]):
    """The cells of an event, made when they are looked at: most rows of a busy log never are."""

    __slots__ = ("_event", "_line")

    def __init__(self, event: Event) -> None:
        self._event = event
        self._line: Line | None = None

    @property
    def line(self) -> Line:
        """The cells."""
        if self._line is None:
            self._line = _cells(self._event)
        return self._line

    def __len__(self) -> int:
        return len(COLUMNS)

    @overload
    def __getitem__(self, index: int) -> Cell: ...
    @overload
    def __getitem__(self, index: slice) -> Line: ...
    def __getitem__(self, index: int | slice) -> Cell | Line:
        return self.line[index]


def _cells(event: Event) -> Line:
    who, what, middle, took = _LAYOUTS[event.kind](event.parts)
    tone = Tone.WARN if event.bad else Tone.PLAIN
    return (
        Cell(words.clock(event.ts), Tone.DIM), cell(event.kind, Tone.ACCENT), cell(who), cell(what, tone),
        cell(middle, tone if event.bad else Tone.DIM), Cell(took, Tone.DIM), Cell(EMPTY), Cell(EMPTY),
    )  # fmt: skip
