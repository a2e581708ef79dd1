"""Cut requests into the distinct strings that a parser behind the server would see, so that each is judged once.

    request --> pieces (path, query, body, headers, user agent, referer: distinct texts)
            --> units (one argument, cookie, header value, JSON string, form line, ...)

A unit keeps its zone, for a `;` means nothing in a user agent and a lot in an argument. Host names are never units.
"""

from __future__ import annotations

import polars as pl

ZONES = ("path", "arg", "body", "header", "cookie", "referer", "agent")
UNIT = pl.Schema({"zone": pl.Enum(ZONES), "unit": pl.String})
PIECE_COLUMNS = ("path", "query", "body", "headers", "referer", "user_agent")
MAX_PIECE_CHARS = 262_144
"""Longer pieces are judged by their first and last half of this many characters."""
MAX_UNITS = 2_000
"""Units of one piece beyond this are left out."""
_CUT = "\x1e"
_DULL_HEADERS = (
    r"(?i)^(?:host|accept|accept-(?:encoding|language|charset|ranges)|connection|proxy-connection|keep-alive|"
    r"content-length|cache-control|pragma|if-[a-z-]+|sec-[a-z-]+|upgrade-insecure-requests|dnt|te|"
    r"origin|date|etag|via|x-requested-with|access-control-[a-z-]+|priority|purpose|expect)\s*:"
)
_JSON = r"^\s*(?:\[\s*[\[{\"\d\]tfn-]|\{\s*[\"}])"
_XML = r"(?s)^\s*<(?:\?xml|!doctype|[\w.-]+:?[\w.-]+[\s>]).*>\s*$"
_HTML = (
    r"(?i)^\s*<(?:script|svg|iframe|object|embed|img|image|body|html|head|meta|link|base|style|form|input|button|select|textarea|a|b|p|x|div|span|"
    r"table|td|video|audio|details|math|marquee|isindex|frameset|template|noscript|applet|xss|animate|keygen|title|br|hr|ul|li|h\d|pre|"
    r"dialog|label|area|map|layer|bgsound|plaintext|xmp|comment|brute)\b"
)
_ENCODED_FORM = r"^\s*[^=&\s{}<>\"']{1,128}="

_SEARCH_ENGINE = (
    r"(?i)^https?://(?:[\w-]+\.)*(?:google|bing|baidu|duckduckgo|yahoo|yandex|sogou|so|ecosia|qwant|naver|startpage)\."
    r"[a-z.]{2,6}/[^<>`${}]*$"
)
"""What somebody typed into a search engine says nothing about this site (unless script signs hide in it)."""

_STACK_FRAME = r"(?:\\n|\s)\s*at [^()\n]{0,120}\(?https?://[^()\s]{1,300}:\d+:\d+\)?"
"""A line of a browser's stack trace, which error reports are full of."""


def unescaped(text: pl.Expr) -> pl.Expr:
    """A JSON string without its quotes and escapes."""
    return text.str.strip_chars('"').str.replace_many(
        ["\\\\", '\\"', "\\/", "\\n", "\\t", "\\r"], ["\\", '"', "/", " ", " ", " "], leftmost=True
    )


def _is_binary(text: pl.Expr) -> pl.Expr:
    """Whether an eighth of the text or more is no text: compressed or packed data, where any pattern may turn up."""
    return text.str.count_matches(r"[\x00-\x08\x0e-\x1f\x{fffd}]") * 8 > text.str.len_chars()


def distinct_pieces(requests: pl.DataFrame) -> pl.DataFrame:
    """The distinct texts of `requests` (columns PIECE_COLUMNS) as `column`, `piece`; empty texts left out."""
    parts = [
        requests.select(pl.lit(name).alias("column"), pl.col(name).alias("piece")).filter(pl.col("piece").str.len_bytes() > 1)
        .unique()
        for name in PIECE_COLUMNS
    ]  # fmt: skip
    return pl.concat(parts)


def units_of(pieces: pl.DataFrame) -> pl.DataFrame:
    """`column`, `piece` -> `column`, `piece`, `zone`, `unit`: every piece cut into its units (distinct a piece)."""
    half = MAX_PIECE_CHARS // 2
    text = pl.col("piece")
    clipped = pl.when(text.str.len_bytes() > MAX_PIECE_CHARS).then(text.str.head(half) + " " + text.str.tail(half))
    pieces = pieces.with_columns(clipped.otherwise(text).alias("text"))
    of = {name: part for (name,), part in pieces.partition_by("column", as_dict=True).items()}
    parts: list[pl.DataFrame] = []
    for name, zone in (("path", "path"), ("user_agent", "agent"), ("referer", "referer")):
        if name in of:
            parts.append(of[name].with_columns(pl.lit(zone).alias("zone"), pl.col("text").alias("unit")))
    if "query" in of:
        parts.append(_exploded(of["query"], _arguments(pl.col("text")), "arg"))
    if "headers" in of:
        parts += _header_units(of["headers"])
    if "body" in of:
        parts += _body_units(of["body"])
    if not parts:
        return pl.DataFrame(schema={"column": pl.String, "piece": pl.String, **UNIT})
    found = pl.concat([part.select("column", "piece", "zone", "unit") for part in parts if part.height] or [parts[0].select("column", "piece", "zone", "unit")])
    searched = (pl.col("zone") == "referer") & pl.col("unit").str.contains(_SEARCH_ENGINE)
    return (
        found.with_columns(pl.col("unit").str.replace_all(_STACK_FRAME, " "))
        .filter((pl.col("unit").str.len_bytes() > 1) & ~searched & ~_is_binary(pl.col("unit"))).unique(maintain_order=True).cast({"zone": UNIT["zone"]})
    )


def _arguments(text: pl.Expr) -> pl.Expr:
    """A query or form as a list of `name=value`; an `&` that starts no further argument stays where it is."""
    return text.str.replace_all(r"&([\w.\-~%\[\]$]{1,128}=)", _CUT + "$1").str.split(_CUT)


def _exploded(frame: pl.DataFrame, units: pl.Expr, zone: str) -> pl.DataFrame:
    return frame.with_columns(units.list.head(MAX_UNITS).alias("unit"), pl.lit(zone).alias("zone")).explode("unit")


def _header_units(frame: pl.DataFrame) -> list[pl.DataFrame]:
    lines = _exploded(frame, pl.col("text").str.split("\n"), "header").filter(
        ~pl.col("unit").str.contains(_DULL_HEADERS)
    )
    name = pl.col("unit").str.extract(r"^([\w-]{1,64})\s*:", 1).str.to_lowercase().fill_null("")
    of = {key: part for (key,), part in lines.with_columns(_name(name).alias("of")).partition_by("of", as_dict=True).items()}
    parts = [part.drop("of") for key, part in of.items() if key == "header"]
    value = pl.col("unit").str.replace(r"^[\w-]{1,64}\s*:\s*", "")
    for key in ("referer", "agent"):
        if key in of:
            parts.append(of[key].drop("of").with_columns(pl.lit(key).alias("zone"), value.alias("unit")))
    if "cookie" in of:
        values = of["cookie"].drop("of", "text").with_columns(value.alias("text")).drop("unit")
        parts.append(_exploded(values, pl.col("text").str.split("; "), "cookie"))
    return parts


def _name(header: pl.Expr) -> pl.Expr:
    return header.replace_strict({"referer": "referer", "user-agent": "agent", "cookie": "cookie"}, default="header")


def _body_units(frame: pl.DataFrame) -> list[pl.DataFrame]:
    text = pl.col("text")
    kind = (
        pl.when(text.str.contains(r"(?i)content-disposition\s*:")).then(pl.lit("multipart"))
        .when(text.str.contains(_JSON) & (text.str.contains(r"[\]}]\s*$") | (text.str.len_bytes() > 2_048))).then(pl.lit("json"))
        .when(text.str.contains(_XML) & ~text.str.contains(_HTML)).then(pl.lit("markup"))
        .when(text.str.contains(_ENCODED_FORM)).then(pl.lit("form"))
        .otherwise(pl.lit("text"))
    )  # fmt: skip
    frame = frame.with_columns(kind.alias("kind"))

    def of(*kinds: str) -> pl.DataFrame:
        return frame.filter(pl.col("kind").is_in(kinds))

    whole = of("json", "markup", "multipart").with_columns(pl.lit("body").alias("zone"), text.alias("unit"))
    strings = text.str.extract_all(r'"(?:[^"\\]|\\.){2,4096}"').list.eval(unescaped(pl.element()))
    nodes = text.str.extract_all(r">[^<>]{3,4096}<|=\s*\"[^\"]{3,4096}\"").list.eval(pl.element().str.strip_chars("<>=\""))
    lines = text.str.split("\n")
    return [
        whole.drop("kind"),
        _exploded(of("form", "text"), _arguments(text), "arg").drop("kind"),
        _exploded(of("json"), strings, "arg").drop("kind"),
        _exploded(of("markup"), nodes, "arg").drop("kind"),
        _exploded(of("multipart"), lines, "arg").drop("kind").filter(~pl.col("unit").str.contains(r"(?i)^--|^content-[a-z]+:")),
    ]  # fmt: skip
