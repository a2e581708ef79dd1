"""The lines above and below the panes: where one is, which panes there are, and what the keys do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual import events
from textual.message import Message

from console.cells import Cell, Line, SafeText, Tone, cell, printable, width
from console.theme import Glyphs
from console.widgets.lines import Sheet


@dataclass(frozen=True, slots=True)
class Status:
    """What the first line says. `place` is environment@host, `following` what feeds the home, `notes` come first."""

    place: SafeText
    home: SafeText
    following: SafeText
    now: datetime
    notes: Sequence[Cell] = ()


class Bar(Sheet):
    """One line across the screen."""

    DEFAULT_CSS = """
    Bar { height: 1; overflow-y: hidden; }
    """


class StatusLine(Bar):
    """Where one is: environment and host always, then what there is room for."""

    def set_status(self, status: Status) -> None:
        """Show this."""
        self.show(lambda columns, _rows: [status_line(status, columns)])


def status_line(status: Status, columns: int) -> Line:
    """The first line, `columns` wide; the clock is at its right end."""
    clock = status.now.strftime("%H:%M:%S UTC ")
    left = [Cell(SafeText(" watchroom  "), Tone.STRONG), Cell(status.place, Tone.ACCENT)]
    for note in status.notes:
        left += [Cell(SafeText("  ")), note]
    used = sum(width(c.text) for c in left)
    for text in (status.following, status.home):
        if text and used + width(text) + 3 + len(clock) <= columns:
            left += [Cell(SafeText("  ")), Cell(text, Tone.DIM)]
            used += width(text) + 2
    blank = max(1, columns - used - len(clock))
    return (*left, Cell(SafeText(" " * blank)), cell(clock))


@dataclass(frozen=True, slots=True)
class Tab:
    """One pane in the second line, with a count that wants attention."""

    number: int
    title: SafeText
    count: int = 0


class TabLine(Bar):
    """The panes by their keys; a click opens one."""

    @dataclass
    class Chosen(Message):
        """A pane was clicked."""

        number: int

    def set_tabs(self, tabs: Sequence[Tab], active: int, glyphs: Glyphs) -> None:
        """Show these panes, the active one marked."""
        self._tabs = tuple(tabs)
        self._glyphs = glyphs
        self.show(lambda columns, _rows: [tab_line(tabs, active, glyphs, columns)])

    def on_click(self, event: events.Click) -> None:
        """Tell which pane was clicked."""
        gap = _gap(self._tabs, self._glyphs, self.room.width)
        at = 1 if gap == 1 else 0
        for tab in self._tabs:
            at += (width(_label(tab, self._glyphs)) if gap else 1) + (gap or 2)
            if event.x < at:
                self.post_message(self.Chosen(tab.number))
                return


def _label(tab: Tab, glyphs: Glyphs) -> SafeText:
    attention = f" {glyphs.dot}{tab.count}" if tab.count else ""
    return SafeText(f"{tab.number} {tab.title}{attention}")


def tab_line(tabs: Sequence[Tab], active: int, glyphs: Glyphs, columns: int) -> Line:
    """The second line; in a narrow terminal the other panes are their numbers only."""
    gap = _gap(tabs, glyphs, columns)
    out: list[Cell] = [Cell(SafeText(" "))] if gap == 1 else []
    for tab in tabs:
        here = tab.number == active
        words = _label(tab, glyphs) if here or gap else SafeText(str(tab.number))
        tone = Tone.HERE if here else Tone.BAD if tab.count else Tone.DIM
        out.append(Cell(SafeText(f"{words} " if gap == 1 else f" {words} "), tone))
    return tuple(out)


def _gap(tabs: Sequence[Tab], glyphs: Glyphs, columns: int) -> int:
    """Blanks between the panes' names: 2, 1, or 0 where there is room for their numbers only."""
    size = sum(width(_label(tab, glyphs)) for tab in tabs)
    return next((gap for gap in (2, 1) if size + gap * len(tabs) < columns), 0)


class RuleLine(Bar):
    """A rule between parts, with a title in it if there is one."""

    def set_rule(self, glyphs: Glyphs, title: SafeText = SafeText(""), right: SafeText = SafeText("")) -> None:  # noqa: B008 a constant
        """Draw it; `right` stands near its right end."""
        self.show(lambda columns, _rows: [rule(columns, glyphs, title, right)])


def rule(columns: int, glyphs: Glyphs, title: SafeText, right: SafeText) -> Line:
    """A rule of `columns`."""
    head = [Cell(SafeText(glyphs.rule * 2), Tone.LINE), Cell(SafeText(f" {title} "), Tone.STRONG)] if title else []
    tail = [Cell(SafeText(f" {right} "), Tone.DIM), Cell(SafeText(glyphs.rule * 2), Tone.LINE)] if right else []
    used = sum(width(c.text) for c in [*head, *tail])
    return (*head, Cell(SafeText(glyphs.rule * max(0, columns - used)), Tone.LINE), *tail)


@dataclass(frozen=True, slots=True)
class Key:
    """A key in the last line, and whether it would do something now."""

    shown: str
    title: str
    enabled: bool


class KeyLine(Bar):
    """What the keys do; a note takes its place for a while."""

    def set_keys(self, keys: Sequence[Key], note: Cell | None = None) -> None:
        """Show these keys, or the note."""
        self.show(lambda columns, _rows: [key_line(keys, note, columns)])


def key_line(keys: Sequence[Key], note: Cell | None, columns: int) -> Line:
    """The last line; keys for which there is no room are in the help."""
    if note is not None:
        return (Cell(SafeText(" ")), Cell(printable(note.text, limit=columns - 2), note.tone))
    out: list[Cell] = [Cell(SafeText(" "))]
    left = columns - 1
    for key in keys:
        size = len(key.shown) + len(key.title) + 1  # and two blanks, for which there need be no room at the end
        if size > left:
            break
        tone = Tone.ACCENT if key.enabled else Tone.DIM
        words = key.title if key.enabled else f"({key.title})"[: len(key.title) + 2]
        if not key.enabled and size + 2 > left:
            break
        out += [Cell(SafeText(key.shown), tone), Cell(SafeText(f" {words}  "), Tone.DIM)]
        left -= len(key.shown) + len(words) + 3
    return tuple(out)
