"""What a payload signal is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ANYWHERE = ("path", "arg", "body", "header", "cookie", "referer", "agent")
VALUES = ("path", "arg", "header", "cookie", "referer")
"""Where an application reads input one value at a time; user agents are full of signs that mean nothing."""
TEXTS = (*VALUES, "agent")
"""Every zone but the whole body of a structured request, whose strings are units of their own."""

SURE, UNSEEN = 0.95, 0.7
"""How probable an attack is at least where a signal shows that says so, everything else unknown.

SURE: of the 9,827 honest requests in the sets that may be learnt from at most one shows it, while attacks do. One in
twenty is left for what those sets do not hold: on blazehttp, which no signal's worth was taken from, 254 of 326 attacks
and 25 of 18,707 honest requests show one, nine attacks in ten even in that mix. UNSEEN: the sets hold it nowhere, so it
is believed on the word of its source.
"""


@dataclass(frozen=True, slots=True)
class Signal:
    """A pattern over one unit. Linear-time regular expression (Rust syntax), never built from input."""

    name: str
    """Short and unique, e.g. `sql-union`."""
    attack: str
    """The attack class in words: `SQL injection`, `cross-site scripting`, ..."""
    words: str
    """What was seen, as one would say it on the phone."""
    pattern: str
    seen_in: Literal["squeezed", "plain", "bare", "raw"] = "squeezed"
    """Which reading of the unit: decoded and squeezed, only decoded, as a shell does, or as it came (lower case)."""
    zones: tuple[str, ...] = VALUES
    sure: float = 0.0
    """A floor for the probability that the unit attacks: SURE or UNSEEN; 0: the model decides."""
    soft: bool = False
    """Only odd where nothing is there: a browser or known robot that is served (2xx, 304) does not probe."""
