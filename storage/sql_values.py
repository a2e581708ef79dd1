"""Statements quoted in other texts, without the values in them: plans, errors, log lines, what no format could read.

What is surely a statement becomes its template (storage/fingerprint.py). Here it is text with SQL somewhere in it,
perhaps cut, perhaps inside JSON, which must stay JSON: only values go, by what stands around them.
"""

from __future__ import annotations

import polars as pl

_STRING = r"'(?:[^'\\]|\\.|'')*'"
_DOLLAR = r"(?s)\$(?:[A-Za-z_]\w*)?\$.*?\$(?:[A-Za-z_]\w*)?\$"
_BEFORE = r"(?i)([=<>(,+*%|]\s*|\b(?:and|between|else|in|like|limit|offset|or|select|then|values|when)\s+\(?\s*)"
_NUMBER = r"[-+]?(?:0x[0-9a-f]+|[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)\b"
_QUOTED = r'(?i)([=<>(,]\s*|\b(?:in|like)\s+\(?\s*)\\?"[^"]*"(\s*[^:\s]|$)'
"""A value in double quotes, as MySQL takes it; a key of JSON has a colon behind it."""
_STEPS = (
    (_STRING, "?"),
    (_DOLLAR, "?"),
    (r"\)=\([^)]*\)", ")=(?)"),
    (rf"{_BEFORE}'[^']*$", "${1}?"),
    (_QUOTED, "${1}?${2}"),
    (_QUOTED, "${1}?${2}"),  # of two side by side, the comma between them was the first one's
    (rf"{_BEFORE}{_NUMBER}", "${1}?"),
)
_STATEMENT = (
    r"(?is)\bselect\b.*\bfrom\b|\binsert\s+into\b|\bupdate\b.*\bset\b|\bdelete\s+from\b|\breplace\s+into\b|\bmerge\s+into\b"
    r"|\bwhere\b|\bvalues\s*\(|\bselect\b|parameters: |\)=\("
)


def without_values(text: pl.Expr) -> pl.Expr:
    """A plan or an error without the values that it quotes: `'...'`, `Key (email)=(...)`, `syntax ...: "..."`."""
    return (
        text.str.replace_all(r"'(?:[^']|'')*'", "?")
        .str.replace_all(r"\)=\([^)]*\)", ")=(?)")
        .str.replace_all(r': \\?"[^"]*\\?"$', ': "?"')
    )


def without_sql_values(text: pl.Series) -> pl.Series:
    """A String column of texts with the values of the statements that they quote as `?`; itself if none quotes any."""
    quoting = text.str.contains(_STATEMENT).fill_null(value=False)
    if not quoting.any():
        return text
    bare = text.filter(quoting)
    for pattern, replacement in _STEPS:
        bare = bare.str.replace_all(pattern, replacement)
    return text.clone().scatter(quoting.arg_true(), bare)
