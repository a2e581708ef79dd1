"""Queries, forms and bodies as the parser behind the server takes them apart."""

from __future__ import annotations

import polars as pl

MAX_UNITS = 2_000
"""Units of one piece beyond this are left out."""
_CUT = "\x1e"
_JSON = r"^\s*(?:\[\s*[\[{\"\d\]tfn-]|\{\s*[\"}])"
_XML = r"(?s)^\s*<(?:\?xml|!doctype|[\w.-]+:?[\w.-]+[\s>]).*>\s*$"
_HTML = (
    r"(?i)^\s*<(?:script|svg|iframe|object|embed|img|image|body|html|head|meta|link|base|style|form|input|button|"
    r"select|textarea|a|b|p|x|div|span|table|td|video|audio|details|math|marquee|isindex|frameset|template|"
    r"noscript|applet|xss|animate|keygen|title|br|hr|ul|li|h\d|pre|dialog|label|area|map|layer|bgsound|plaintext|"
    r"xmp|comment|brute)\b"
)
_TEXT_OR_VALUE = r'>[^<>]{3,4096}<|=\s*"[^"]{3,4096}"'
_PART_HEAD = r"(?i)^--|^content-[a-z]+:"


def unescaped(text: pl.Expr) -> pl.Expr:
    """A JSON string without its quotes and escapes."""
    return text.str.strip_chars('"').str.replace_many(
        ["\\\\", '\\"', "\\/", "\\n", "\\t", "\\r"], ["\\", '"', "/", " ", " ", " "], leftmost=True
    )


def arguments(text: pl.Expr) -> pl.Expr:
    """A query or form as a list of `name=value`; an `&` that starts no further argument stays where it is."""
    return text.str.replace_all(r"&([\w.\-~%\[\]$]{1,128}=)", _CUT + "$1").str.split(_CUT)


def exploded(frame: pl.DataFrame, units: pl.Expr, zone: str) -> pl.DataFrame:
    """`frame` with a row for each of its `units` (a list), as `unit` in `zone`."""
    return frame.with_columns(units.list.head(MAX_UNITS).alias("unit"), pl.lit(zone).alias("zone")).explode("unit")


def body_units(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Bodies (column `text`) as frames of units: a form's arguments, JSON's strings, markup's texts and attributes.

    A structured body is a unit of zone `body` as a whole as well, for what shows in its structure alone.
    """
    text = pl.col("text")
    is_json = text.str.contains(_JSON) & (text.str.contains(r"[\]}]\s*$") | (text.str.len_bytes() > 2_048))
    kind = (
        pl.when(text.str.contains(r"(?i)content-disposition\s*:")).then(pl.lit("multipart"))
        .when(is_json).then(pl.lit("json"))
        .when(text.str.contains(_XML) & ~text.str.contains(_HTML)).then(pl.lit("markup"))
        .otherwise(pl.lit("form"))
    )  # fmt: skip
    of = {name: part for (name,), part in frame.with_columns(kind.alias("k")).partition_by("k", as_dict=True).items()}
    cuts = {
        "form": arguments(text),
        "json": text.str.extract_all(r'"(?:[^"\\]|\\.){2,4096}"').list.eval(unescaped(pl.element())),
        "markup": text.str.extract_all(r'>[^<>]{3,4096}<|=\s*"[^"]{3,4096}"').list.eval(
            pl.element().str.strip_chars('<>="')
        ),
        "multipart": text.str.split("\n").list.eval(pl.element().filter(~pl.element().str.contains(_PART_HEAD))),
    }
    whole = [
        part.with_columns(pl.lit("body").alias("zone"), text.alias("unit")) for k, part in of.items() if k != "form"
    ]
    return whole + [exploded(part, cuts[k], "arg") for k, part in of.items()]
