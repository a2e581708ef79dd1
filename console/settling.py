"""What keeps the user interface even while threads read beside it: short turns, and few long looks for garbage."""

from __future__ import annotations

import gc
import sys

TURN_S = 0.001
"""How long a thread may hold the interpreter while another waits for it. Python's 5 ms, again after each call into
Polars or SQLite, add up to a tenth of a second while a pane is being read."""
YOUNGER_LOOKS = 1_000
"""Looks for garbage among what is a little older to one among everything. Everything is half a million objects, modules
above all, and takes a tenth of a second in which nothing moves; Python does it every ten."""


def keep_even() -> None:
    """Let threads take turns often, and look through everything for garbage rarely: what is drawn must not wait."""
    if sys.getswitchinterval() > TURN_S:
        sys.setswitchinterval(TURN_S)
    young, older, _ = gc.get_threshold()
    gc.set_threshold(young, older, YOUNGER_LOOKS)
