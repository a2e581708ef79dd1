"""SQL templates: what two statements that differ only in their values have in common.

    SELECT * FROM users WHERE id = 7 /* web */   ->   SELECT * FROM users WHERE id = ?

Values become `?`, a list of several `(?+)`, comments go, blanks collapse. `LIMIT 1` (also TOP, FIRST, NEXT) and
`SELECT 1` stay, for they tell a look-up of one row from a list. A statement that a log cut short gets the mark `~` in
front. The case of names is kept, so that a template can be parsed and shown; `fingerprints` ignores it.

The way is two regular expressions over all rows, then eleven over what is left distinct: 1.2 to 2 million statements a
second on two cores (a parser manages 1,600; see docs/detectors/n1-detector.md).
"""

from __future__ import annotations

import hashlib

import polars as pl

_STRING = r"'(?:[^'\\]|\\.|''|\\)*'"
_COMMENT = rf"(?s)({_STRING}|\"[^\"]*\"|`[^`]*`)|/\*.*?\*/|--[^\n]*"
_DOLLAR = r"(?s)\$(?:[A-Za-z_]\w*)?\$.*?\$(?:[A-Za-z_]\w*)?\$"
_QUOTED_VALUE = r'"(?:[^"\\]|\\.|"")*"'
_WHOLE_NUMBER = r"(?-u:\b)(?:1[0-9]+|[02-9][0-9]*)(?-u:\b)"
"""Every whole number but 1, which `LIMIT 1` and `SELECT 1` need."""

_KEPT_ONE = "\x01"
_STEPS: tuple[tuple[str, str], ...] = (
    (r"\s+", " "),
    (r"(?i)\b(limit|top|first|next|select)( ?\(?)1\b", "${1}${2}" + _KEPT_ONE),
    (r"(?i)([=<>]\s*|\blike\s+|\bin\s*\(\s*)\"[^\"]*\"([^.\"\w]|$)", "${1}?${2}"),
    (r"(?i)(^|[^\w\"`?])(?:e|n|b|x|_utf8|_utf8mb4|_binary)\?", "${1}?"),
    (r"%\([^)]*\)s|%s|\$\d+", "?"),
    (r"([^:@\w\"`\]])[:@]\w+", "${1}?"),
    (r"(?i)(^|[^\w.\"`$])(?:0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)\b", "${1}?"),
    (r"([=<>(,+*/]\s*|(?i:\b(?:and|between|limit|offset|values|select|then|else)\s))[-+]\s*\?", "${1}?"),
    (r"\(\s*\?(?:\s*,\s*\?)+\s*\)", "(?+)"),
    (r"(\(\?\+?\))(?:\s*,\s*\(\?\+?\))+", "${1}"),
    (r"^[\s;]+|[\s;]+$", ""),
)
_FULL_STOPS = r"(?:\.\.\.|…)\s*$"


def plain(sql: pl.Series) -> pl.Series:
    """`sql` without comments; what a string or a quoted name holds stays as it is."""
    commented = sql.str.contains_any(["/*", "--"])
    return sql.str.replace_all(_COMMENT, "${1}") if commented.any() else sql


def templates(sql: pl.Series) -> pl.Series:
    """The template of each statement in `sql` (String); null stays null. Each value depends on its own statement
    alone.
    """
    texts = sql.unique()
    if texts.len() * 2 < sql.len():
        pairs = pl.DataFrame({"sql": texts, "template": templates(texts)})
        return _looked_up(sql, pairs)
    rough = _rough(plain(sql))
    distinct = rough.unique()
    if distinct.len() * 2 > rough.len():
        return _refined(rough)
    return _looked_up(rough, pl.DataFrame({"sql": distinct, "template": _refined(distinct)}))


def template(sql: pl.Expr) -> pl.Expr:
    """`templates` as an expression over a String column; runs in batches under the streaming engine."""
    return sql.map_batches(templates, return_dtype=pl.String, is_elementwise=True)


def fingerprints(sql: pl.Series) -> pl.Series:
    """A stable name of each statement's template: 16 hex digits of BLAKE2b over the template in lower case; null stays
    null.
    """
    shape = templates(sql)
    distinct = shape.drop_nulls().unique()
    names = pl.Series([digest(text) for text in distinct], dtype=pl.String)
    return _looked_up(shape, pl.DataFrame({"sql": distinct, "fingerprint": names}))


def fingerprint(sql: pl.Expr) -> pl.Expr:
    """`fingerprints` as an expression over a String column."""
    return sql.map_batches(fingerprints, return_dtype=pl.String, is_elementwise=True)


def digest(template_text: str) -> str:
    """The fingerprint of one template: 16 hex digits, the same on every machine and release."""
    return hashlib.blake2b(template_text.lower().encode(), digest_size=8).hexdigest()


def _looked_up(texts: pl.Series, pairs: pl.DataFrame) -> pl.Series:
    """The second column of `pairs` for each of `texts`, by the first, `sql`; null where there is none."""
    asked = pl.DataFrame({"sql": texts})
    return asked.join(pairs, on="sql", how="left", maintain_order="left").to_series(1)


def _rough(sql: pl.Series) -> pl.Series:
    """`sql` with its strings and most numbers folded: what makes equal statements equal, at the price of two
    expressions.
    """
    cut = sql.str.contains(_FULL_STOPS)
    if sql.str.contains("$$", literal=True).any() or sql.str.contains(r"\$[A-Za-z_]\w*\$").any():
        sql = sql.str.replace_all(_DOLLAR, "?")
    if (sql.str.contains("`", literal=True) & sql.str.contains('"', literal=True)).any():
        mysql = sql.str.contains("`", literal=True)
        sql = pl.select(pl.when(mysql).then(sql.str.replace_all(_QUOTED_VALUE, "?")).otherwise(sql)).to_series()
    sql = sql.str.replace_all(_STRING, "?").str.replace_all(_WHOLE_NUMBER, "0")
    open_string = sql.str.contains("'", literal=True)
    if open_string.any() or cut.any():
        tail = sql.str.replace("(?s)'.*$", "?").str.replace(_FULL_STOPS, "")
        sql = pl.select(pl.when(open_string | cut).then("~" + tail).otherwise(sql)).to_series()
    return sql


def _refined(rough: pl.Series) -> pl.Series:
    """The templates of rough texts."""
    for pattern, replacement in _STEPS:
        rough = rough.str.replace_all(pattern, replacement)
    return rough.str.replace_all(_KEPT_ONE, "1", literal=True)
