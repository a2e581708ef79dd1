"""Units as the signals and the model read them: decoded once, base64 words opened, dull units set aside."""

from __future__ import annotations

import polars as pl

from engine.waf.bodies import unescaped
from engine.waf.decoding import bare, decoded, from_base64, squeezed
from engine.waf.units import ZONE

READINGS = ("raw", "plain", "squeezed", "bare")
"""How a unit is read: as it came (lower case), decoded, decoded and squeezed, as a shell does."""
_DULL = r"^(?:[\w.\-]{1,64}=)?[\w\-]*$"
"""One word or number: nothing a parser could trip over. Telling words are looked for all the same."""
_TELLING = (
    r"(?i)select|union|sleep|exec|alert|script|java|runtime|process|sh\b|cat\b|passw|etc|sql|php|cookie|cmd|echo|"
    r"wget|curl|eval|import|class|system|return|waitfor|benchmark|--| or | and |ognl|struts|xwork|opensymphony|"
    r"springframework|transformer|session_?id|jsessionid|sessid|[gs]et-|invoke|\bld_|whoami|schema|pg_|xp_|sp_|"
    r"jndi|nul|\\d=|ping|table|org\.|com\.|tempdb|drop|insert|delete|update|load|base64|oast"
)
_NAME = r"^[\w.\-\[\]%$~]{1,128}="
_JSON = r"^(?:[\w.\-\[\]]{1,64}=)?\s*(?:\[\s*[\[{\"]|\{\s*[\"}])"
_ESCAPED = {"%3d": "=", "%2b": "+", "%2f": "/", "%22": '"', "%7b": "{", "%7d": "}", "%3a": ":"}
_STRINGS = r'"(?:[^"\\]|\\.){2,4096}"'


def readings(units: pl.DataFrame) -> pl.DataFrame:
    """Distinct `zone`, `unit` -> these, `found_in` and READINGS: one row a unit and a text inside it.

    What was found inside keeps its `unit`, so its verdict falls on the unit it came from. Dull units give no row.
    """
    valueless = pl.col("zone").is_in(["path", "agent", "referer", "body"])
    kept = units.filter(valueless | ~pl.col("unit").str.contains(_DULL) | pl.col("unit").str.contains(_TELLING))
    plus = pl.col("zone").is_in(["arg", "cookie", "referer", "path"])
    read = _split_json(kept.with_columns(
        pl.col("unit").str.to_lowercase().alias("raw"), decoded(pl.col("unit"), plus_is_space=plus).alias("plain")
    ))  # fmt: skip
    inside = _split_json(_opened(units))
    both = pl.concat([read, inside.select(read.columns)])
    return both.with_columns(squeezed(pl.col("plain")).alias("squeezed"), bare(pl.col("plain")).alias("bare"))


def _opened(units: pl.DataFrame) -> pl.DataFrame:
    """The base64 words of arguments, cookies, headers, path segments and JSON strings, as text; zone `arg`."""
    word = pl.col("unit").str.replace_many(_ESCAPED, ascii_case_insensitive=True)
    shape = r"[A-Za-z0-9+/_-]{8,4096}={0,2}"
    value = word.str.replace(_NAME, "")
    words = (
        pl.when(pl.col("zone") == "path").then(word.str.extract_all(r"[A-Za-z0-9+_-]{10,4096}={0,2}"))
        .when(value.str.contains(rf"^\s*{shape}\s*$")).then(pl.concat_list(value))
        .otherwise(word.str.extract_all(rf'"{shape}"').list.eval(pl.element().str.strip_chars('"')))
    )  # fmt: skip
    return (
        units.filter(pl.col("zone").is_in(["arg", "cookie", "header", "path"]) & (pl.col("unit").str.len_bytes() >= 9))
        .with_columns(words.list.head(64).alias("word")).explode("word")
        .with_columns(from_base64(pl.col("word")).alias("text"))
        .filter(~pl.col("text").str.contains(r"^[\w .\-]*$") | pl.col("text").str.contains(_TELLING))
        .select(pl.lit("arg").cast(ZONE).alias("zone"), "unit", pl.col("zone").alias("found_in"),
                pl.col("text").str.to_lowercase().alias("raw"), decoded(pl.col("text")).alias("plain"))
    )  # fmt: skip


def _split_json(read: pl.DataFrame) -> pl.DataFrame:
    """Readings that are JSON become zone `body`, and each string in them a reading of its own (zone `arg`)."""
    if "found_in" not in read.columns:
        read = read.with_columns(pl.col("zone").alias("found_in"))
    is_json = pl.col("zone").is_in(["arg", "cookie", "header"]) & pl.col("plain").str.contains(_JSON)
    whole = read.filter(is_json).with_columns(pl.lit("body").cast(ZONE).alias("zone"))
    strings = (
        whole.with_columns(
            pl.lit("arg").cast(ZONE).alias("zone"),
            pl.col("plain").str.extract_all(_STRINGS).list.head(256).list.eval(unescaped(pl.element())).alias("plain"),
        ).explode("plain").drop_nulls("plain").filter(~pl.col("plain").str.contains(_DULL))
        .with_columns(pl.col("plain").alias("raw"))
    )  # fmt: skip
    return pl.concat([read.filter(~is_json), whole, strings])
