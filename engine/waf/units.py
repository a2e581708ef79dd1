"""Cut requests into the distinct strings that a parser behind the server would see, so that each is judged once.

    request --> pieces (path, query, body, headers, user agent, referer: distinct texts)
            --> units (one argument, cookie, header value, JSON string, form line, ...)

A unit keeps its zone, for a `;` means nothing in a user agent and a lot in an argument. Host names are never units.
"""

from __future__ import annotations

import polars as pl

from engine.waf.bodies import arguments, body_units, exploded

ZONES = ("path", "arg", "body", "header", "cookie", "referer", "agent")
ZONE = pl.Enum(ZONES)
_UNIT: dict[str, pl.DataType | type[pl.DataType]] = {
    "at": pl.UInt32, "column": pl.String, "piece": pl.String, "zone": ZONE, "unit": pl.String,
}  # fmt: skip
UNIT_SCHEMA = pl.Schema(_UNIT)
PIECE_COLUMNS = ("path", "query", "body", "headers", "referer", "user_agent")
MAX_PIECE_CHARS = 262_144
"""Longer pieces are judged by their first and last half of this many characters."""
_DULL_HEADERS = (
    r"(?i)^(?:host|accept|accept-(?:encoding|language|charset|ranges)|connection|proxy-connection|keep-alive|"
    r"content-length|cache-control|pragma|if-[a-z-]+|sec-[a-z-]+|upgrade-insecure-requests|dnt|te|"
    r"origin|date|etag|via|x-requested-with|access-control-[a-z-]+|priority|purpose|expect)\s*:"
)
_SEARCH_ENGINE = (
    r"(?i)^https?://(?:[\w-]+\.)*(?:google|bing|baidu|duckduckgo|yahoo|yandex|sogou|so|ecosia|qwant|naver|startpage)\."
    r"[a-z.]{2,6}/[^<>`${}]*$"
)
"""What somebody typed into a search engine says nothing about this site (unless script signs hide in it)."""

_STACK_FRAME = r"(?:\\n|\s)\s*at [^()\n]{0,120}\(?https?://[^()\s]{1,300}:\d+:\d+\)?"
"""A line of a browser's stack trace, which error reports are full of."""


def _is_binary(text: pl.Expr) -> pl.Expr:
    """Whether an eighth of the text or more is no text: compressed or packed data, where any pattern may turn up."""
    return text.str.count_matches(r"[\x00-\x08\x0e-\x1f\x{fffd}]") * 8 > text.str.len_chars()


def distinct_pieces(requests: pl.DataFrame) -> pl.DataFrame:
    """The distinct texts of `requests` (columns PIECE_COLUMNS) as `column`, `piece`; empty texts left out."""
    texts = (
        requests.select(pl.lit(name).alias("column"), pl.col(name).alias("piece")).unique() for name in PIECE_COLUMNS
    )
    return pl.concat(text.filter(pl.col("piece").str.len_bytes() > 1) for text in texts)


def units_of(pieces: pl.DataFrame) -> pl.DataFrame:
    """`column`, `piece` -> UNIT_SCHEMA: every piece cut into its units (distinct a piece), `at` its row in `pieces`.

    Pieces may be long and their units many, so rows are told apart by `at` and never by the piece's text.
    """
    half = MAX_PIECE_CHARS // 2
    text = pl.col("piece")
    clipped = pl.when(text.str.len_bytes() > MAX_PIECE_CHARS).then(text.str.head(half) + " " + text.str.tail(half))
    numbered = pieces.with_row_index("at")
    cut = numbered.select("at", "column", clipped.otherwise(text).alias("text"))
    of = {name: part for (name,), part in cut.partition_by("column", as_dict=True).items()}
    parts = [
        of[name].with_columns(pl.lit(zone).alias("zone"), pl.col("text").alias("unit"))
        for name, zone in (("path", "path"), ("user_agent", "agent"), ("referer", "referer"))
        if name in of
    ]
    if "query" in of:
        parts.append(exploded(of["query"], arguments(pl.col("text")), "arg"))
    if "headers" in of:
        parts += _header_units(of["headers"])
    if "body" in of:
        parts += body_units(of["body"])
    empty = pl.DataFrame(schema={"at": pl.UInt32, "zone": pl.String, "unit": pl.String})
    found = pl.concat([empty, *(part.select(empty.columns) for part in parts)])
    unit = pl.col("unit")
    searched = (pl.col("zone") == "referer") & unit.str.contains(_SEARCH_ENGINE)
    return (
        found.with_columns(unit.str.replace_all(_STACK_FRAME, " "))
        .filter((unit.str.len_bytes() > 1) & ~searched & ~_is_binary(unit))
        .unique(maintain_order=True)
        .cast({"zone": ZONE})
        .join(numbered, on="at", maintain_order="left")
        .select(UNIT_SCHEMA.names())
    )


def _header_units(frame: pl.DataFrame) -> list[pl.DataFrame]:
    lines = exploded(frame, pl.col("text").str.split("\n"), "header")
    name = pl.col("unit").str.extract(r"^([\w-]{1,64})\s*:", 1).str.to_lowercase().fill_null("")
    kind = name.replace_strict({"referer": "referer", "user-agent": "agent", "cookie": "cookie"}, default="header")
    lines = lines.filter(~pl.col("unit").str.contains(_DULL_HEADERS)).with_columns(kind.alias("zone"))
    value = pl.col("unit").str.replace(r"^[\w-]{1,64}\s*:\s*", "")
    is_cookie = pl.col("zone") == "cookie"
    cookies = lines.filter(is_cookie).with_columns(value.alias("text")).drop("unit", "zone")
    bare_value = pl.when(pl.col("zone") == "header").then(pl.col("unit")).otherwise(value)
    return [
        lines.filter(~is_cookie).with_columns(bare_value.alias("unit")),
        exploded(cookies, pl.col("text").str.split("; "), "cookie"),
    ]
