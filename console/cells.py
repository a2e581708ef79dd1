"""The only door from text to the screen.

Text out of a log, a file name, a user agent, an error: all of it may hold escape codes that set the clipboard, hidden
letters, or words in brackets that a toolkit takes for markup. `printable` makes what would act visible instead, and the
type `SafeText` says that a text went through here. Widgets, notices and the command line's tables take nothing else.
Toolkit objects are made from `SafeText` only, and never from markup.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from rich.text import Text
    from textual.content import Content

SafeText = NewType("SafeText", str)
"""Text that a terminal only shows: no control, format, surrogate or private character is in it."""

EMPTY = SafeText("")


class Tone(StrEnum):
    """What a piece of text means; the theme decides how it looks. No state is told by its tone alone."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    ACCENT = "accent"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    LINE = "line"
    HERE = "here"


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a line: safe text and what it means."""

    text: SafeText
    tone: Tone = Tone.PLAIN


Line = tuple[Cell, ...]
"""One line of the screen, left to right."""


class _Visible(dict[int, str]):
    """Maps every character that must not reach a terminal to what is shown in its place; learns as it goes."""

    def __missing__(self, code: int) -> str:
        shown = _stand_in(code)
        self[code] = shown
        return shown


def _stand_in(code: int) -> str:
    """What is shown for one character: itself when it is harmless."""
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    char = chr(code)
    if char.isprintable() or unicodedata.category(char) == "Zs":
        return char
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, kept by surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_VISIBLE = _Visible({0x09: "    "})
_VISIBLE_LINES = _Visible({0x09: "    ", 0x0A: "\n"})


def printable(text: object, *, lines: bool = False, limit: int | None = None) -> SafeText:
    """`text` with whatever could act on a terminal made visible: `␛`, `␀`, `\\x9b`, `\\u202e`; TAB becomes blanks.

    One line results unless `lines` keeps line feeds. Of text longer than `limit` characters the rest is counted
    (`…+1234`). Text that is clean costs one look.

    >>> printable("\\x1b]52;c;aGk=\\x07 [red]\\u202e")
    '␛]52;c;aGk=␇ [red]\\\\u202e'
    """
    raw = text if isinstance(text, str) else str(text)
    tail = ""
    if limit is not None and len(raw) > limit:
        tail = f"…+{len(raw) - limit}"
        raw = raw[:limit]
    if not raw.isprintable():
        raw = raw.translate(_VISIBLE_LINES if lines else _VISIBLE)
    return SafeText(raw + tail)


def cell(text: object, tone: Tone = Tone.PLAIN) -> Cell:
    """`text`, made printable, as a piece of a line."""
    return Cell(printable(text), tone)


def width(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fit(text: SafeText, columns: int, *, right: bool = False) -> SafeText:
    """`text` made exactly `columns` wide: filled with blanks, or cut with `…` at its end."""
    if columns <= 0:
        return EMPTY
    have = width(text)
    if have <= columns:
        blank = " " * (columns - have)
        return SafeText(blank + text if right else text + blank)
    from rich.cells import set_cell_size

    return SafeText(set_cell_size(text, columns - 1) + "…")


def join(lines: Iterable[Line]) -> SafeText:
    """Lines as plain text, for the clipboard and for tests."""
    return SafeText("\n".join("".join(c.text for c in line).rstrip() for line in lines))


def to_text(text: SafeText, style: str = "") -> Text:
    """Safe text as Rich text; brackets in it stay brackets."""
    from rich.text import Text

    return Text(text, style=style, no_wrap=True, end="")


def to_content(text: SafeText, style: str = "") -> Content:
    """Safe text as Textual content; brackets in it stay brackets."""
    from textual.content import Content

    return Content(text) if not style else Content.styled(text, style)
