"""How the console looks: colours told apart by every eye, and glyphs that the terminal at hand can show.

Colour is never the only signal: every state has a word and a symbol. Good and bad are blue-green and orange-red of
different brightness (Okabe and Ito 2008), so they stay apart without red-green vision and in greyscale.
"""

from __future__ import annotations

import locale
from collections.abc import Mapping
from dataclasses import dataclass

from textual.theme import Theme

from console.cells import Cell, SafeText, Tone

DARK = "watchroom"
LIGHT = "watchroom-light"
ANSI = "ansi-dark"
"""Textual's own theme of the terminal's 16 colours; with NO_COLOR set no colour code is written at all."""

THEMES = (
    Theme(
        name=DARK, dark=True, primary="#56b4e9", secondary="#8fa3b8", accent="#56b4e9", foreground="#d7dde4",
        background="#11151a", surface="#161b22", panel="#1f2630", success="#2fb38a", warning="#e6b422",
        error="#f2683c",
        variables={"line": "#39434f", "dim": "#8391a1", "cursor": "#26384a", "protected": "#f2683c"},
    ),
    Theme(
        name=LIGHT, dark=False, primary="#005b96", secondary="#51606f", accent="#005b96", foreground="#1c2329",
        background="#fbfaf7", surface="#f3f1ec", panel="#e8e5dd", success="#00745a", warning="#8a6100",
        error="#b3370b",
        variables={"line": "#c4c0b6", "dim": "#66707a", "cursor": "#d3e3ef", "protected": "#b3370b"},
    ),
)  # fmt: skip

ANSI_VARIABLES = {"line": "ansi_bright_black", "dim": "ansi_default", "cursor": "ansi_default", "protected": "ansi_red"}
"""What our own variables mean in themes that do not define them."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The symbols of the console, in one set for every terminal and one for those without Unicode."""

    ok: str
    watch: str
    firing: str
    unknown: str
    rule: str
    limit: str
    mark: str
    here: str
    more: str
    dot: str
    flag: str
    right: str
    axis: str
    ramp: str
    """From least to most, for one-line trends."""
    braille: bool
    """Whether charts may use braille dots."""

    def state(self, state: str) -> Cell:
        """A state as a symbol and a word; the word alone would do."""
        symbol, tone = {
            "OK": (self.ok, Tone.GOOD),
            "WATCH": (self.watch, Tone.WARN),
            "FIRING": (self.firing, Tone.BAD),
        }.get(state, (self.unknown, Tone.DIM))
        return Cell(SafeText(f"{symbol} {state}"), tone)


UNICODE = Glyphs(
    ok="✓", watch="~", firing="▼", unknown="·", rule="─", limit="┈", mark="┊", here="▶", more="▼", dot="●", flag="▌",
    right="→", axis="┤", ramp="▁▂▃▄▅▆▇█", braille=True,
)  # fmt: skip
ASCII = Glyphs(
    ok="+", watch="~", firing="!", unknown=".", rule="-", limit=".", mark=":", here=">", more="v", dot="*", flag="|",
    right="->", axis="|", ramp="_.:-=+*#", braille=False,
)  # fmt: skip


def glyphs_for(environ: Mapping[str, str], encoding: str | None = None) -> Glyphs:
    """The set that the terminal can show: the Linux console and locales without UTF-8 get plain ASCII.

    `encoding` is the locale's, asked for when not given.
    """
    known = (encoding or locale.getencoding()).lower().replace("-", "")
    if environ.get("TERM") == "linux" or known not in {"utf8", "utf_8"}:
        return ASCII
    return UNICODE


def theme_for(environ: Mapping[str, str]) -> str:
    """The theme to start in: the one that `TEXTUAL_THEME` names, else ours."""
    return environ.get("TEXTUAL_THEME") or DARK
