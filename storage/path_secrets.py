"""Secrets that stand in a path: `/reset/TOKEN`, `/api/key/HEX`, a JSON Web Token, a long segment nobody could guess.

Where there are none it costs next to nothing: a secret is twenty characters and more without a slash, dot, colon, quote
or blank, so one look at the bytes of a whole column tells which few rows could hold one, and patterns are asked about
those only.
"""

from __future__ import annotations

import functools
import re

import numpy as np
import polars as pl

from storage.format import Offsets
from storage.formats._cuts import Bytes, Lines

MASK = "***"
SECRET_WORDS = (
    "reset", "reset-password", "password-reset", "recover", "recovery", "verify", "verify-email", "verification",
    "confirm", "confirm-email", "confirmation", "activate", "activation", "invite", "invites", "invitation",
    "invitations", "unsubscribe", "magic", "magic-link", "login-link", "one-time", "tokens", "key", "keys", "api-keys",
    "secrets", "sessions", "oauth", "sso", "share", "shared", "signed", "webhook", "webhooks", "hook", "hooks",
    "services",
)  # fmt: skip
"""Segments that say of the next one, or of one of the two after it, that it lets in whoever knows it."""
LEAST_BYTES = 20
"""A shorter segment is taken for a name: 120 bits are 20 letters and digits, or 30 hexadecimal ones."""
_WORD = 4
_LONG = 32
JWT = r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
_SEGMENT = "[A-Za-z0-9_~=%+-]"
_BORDER = "(?:[A-Za-z][0-9]|[0-9][A-Za-z])"
_TOKEN = "|".join(
    f"{_SEGMENT}{{{before}}}{_BORDER}{_SEGMENT}{{{LEAST_BYTES - 2 - before},}}" for before in range(LEAST_BYTES - 1)
)
"""So many characters and more; among the first of them a letter and a digit meet, as they do in no title."""
_LIKE_ONE = rf"[/:]{_SEGMENT}{{{LEAST_BYTES}}}|eyJ"
_UNGUESSABLE = rf"[/:][A-Za-z0-9_-]{{{_LONG},}}"
_BORDERS = 2
"""Of random texts of 32 letters of both cases, digits, `-` and `_` 3 % have fewer places where a letter and a digit
meet, of those of 43 (256 bits) 0.6 %; titles and class names have none or one."""


def without_path_secrets(text: pl.Series, keys: tuple[str, ...]) -> pl.Series:
    """A String column of paths, URLs or log lines with secret segments as `***`; itself if there are none.

    `keys` are names of secrets; they count as SECRET_WORDS do.
    """
    rows = _with_long_runs(text)
    if not len(rows):
        return text
    suspects = text.gather(rows)
    if not suspects.str.contains(_LIKE_ONE).any():
        return text
    masked = suspects.str.replace_all(JWT, MASK)
    masked = _without_unguessable(masked.str.replace_all(_after_words((*SECRET_WORDS, *keys)), "${1}" + MASK))
    return text.clone().scatter(rows, masked) if (masked != suspects).any() else text


def _with_long_runs(text: pl.Series) -> Offsets:
    """The rows that may have LEAST_BYTES and more between two of the bytes that end a segment."""
    longest = text.str.len_bytes().max()
    if not isinstance(longest, int) or longest < LEAST_BYTES:
        return np.empty(0, dtype=np.int64)
    lines = Lines.of(text)
    begins = _runs(lines.data)
    rows = np.searchsorted(lines.starts, begins, side="right") - 1
    found: Offsets = np.unique(rows[lines.stops[rows] - begins > LEAST_BYTES - _WORD])
    return found


def _runs(data: Bytes) -> Offsets:
    """Where four whole words stand in which no byte ends a segment: there are four in every run of LEAST_BYTES."""
    ends = (data - np.uint8(ord("."))) < 2  # 46 is the dot, 47 the slash
    for byte in b' :"':
        ends |= data == byte
    free = ends[: len(ends) & -_WORD].view(np.uint32) == 0
    return np.flatnonzero(free[:-3] & free[1:-2] & free[2:-1] & free[3:]) * _WORD


@functools.cache
def _after_words(words: tuple[str, ...]) -> str:
    """A segment that looks like a token behind one of `words`; two short ones, a user's number say, may lie between."""
    names = "|".join(re.escape(word).replace("\\-", "[-_]?").replace("_", "[-_]?") for word in dict.fromkeys(words))
    return rf"((?i:/(?:{names}))/(?:[^/?#\s\"]{{1,12}}/){{0,2}})(?:{_TOKEN})"


def _without_unguessable(text: pl.Series) -> pl.Series:
    """Whole segments of letters of both cases and digits, mixed as only chance mixes them, masked."""
    found = text.str.extract_all(_UNGUESSABLE).explode().drop_nulls()
    if not len(found):
        return text
    random = found.str.contains("[A-Z]") & found.str.contains("[g-z]")
    found = found.filter(random)
    found = found.filter(found.str.count_matches(_BORDER) >= _BORDERS).unique()
    known = sorted(found.to_list(), key=len, reverse=True)
    return text.str.replace_many(known, [segment[0] + MASK for segment in known], leftmost=True) if known else text
