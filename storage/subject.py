"""How a client or user is recognised in texts: as a word of its own, however it was written there."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import quote, quote_plus

import polars as pl

from storage.errors import RefusedError

LEAST = 3
"""Characters of a subject; a shorter one would be found in what is somebody else's."""
_NO_WORD = "[^0-9A-Za-z_]"


def spellings(subject: str) -> tuple[str, ...]:
    """A subject as it is, as URLs and forms spell it, and as JSON does. Raises RefusedError for one too short."""
    if len(subject.strip()) < LEAST:
        raise RefusedError(f"{subject!r} is too short to forget safely; give at least {LEAST} characters")
    forms = (subject, quote(subject, safe=""), quote(subject), quote_plus(subject), json.dumps(subject)[1:-1])
    return tuple(dict.fromkeys(forms))


def pattern(subjects: Sequence[str]) -> re.Pattern[str]:
    """Finds any spelling of the subjects in a text, in any case, as a word: 10.0.0.1 is not found in 10.0.0.12."""
    words = "|".join(re.escape(form) for subject in subjects for form in spellings(subject))
    return re.compile(f"(?i)(?<![0-9A-Za-z_])(?:{words})(?![0-9A-Za-z_])")


def names(rows: pl.DataFrame, subjects: Sequence[str]) -> pl.Series:
    """Whether each row names one of the subjects in any of its columns; raw bytes are read as UTF-8, damage and all."""
    forms = [form for subject in subjects for form in spellings(subject)]
    exact = f"(?i)(?:^|{_NO_WORD})(?:{'|'.join(re.escape(form) for form in forms)})(?:{_NO_WORD}|$)"
    raw = [c for c, dtype in rows.schema.items() if dtype == pl.Binary]
    rows = rows.with_columns(_decoded(rows[c]) for c in raw)
    texts = [c for c, dtype in rows.schema.items() if dtype == pl.String]
    return rows.select(pl.any_horizontal(pl.col(c).str.contains(exact).fill_null(False) for c in texts)).to_series()


def _decoded(raw: pl.Series) -> pl.Series:
    return pl.Series(raw.name, [r.decode("utf-8", "replace") if r is not None else None for r in raw], dtype=pl.String)
