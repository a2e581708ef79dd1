"""What web access logs share: the request line and its garbage, the quoted fields, and timings that trail a line."""

from __future__ import annotations

import polars as pl

from storage.formats._cells import integer, milliseconds, number, patched, present, trace

METHOD = r"^[A-Za-z][A-Za-z_-]{1,30}$"
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")
_VERSIONS = (" HTTP/1.1", " HTTP/1.0", " HTTP/2.0", " HTTP/2", " HTTP/3.0", " HTTP/3", " HTTP/0.9")
_TARGET = r"^(?:/|\*$|[A-Za-z][A-Za-z0-9+.-]*://)"
_BACKSLASH, _QUOTE = "\uf8f0", "\uf8f1"  # private use: stand for escaped characters while a line is cut at its quotes


def request_line(request: pl.Expr) -> list[pl.Expr]:
    """`method`, `path` and `query` of a request line; the HTTP version is dropped.

    What is no request line (a TLS handshake, a scanner's noise, nothing at all) has a null method and its raw text as
    the path. A target may hold blanks; without a version it must look like one.
    """
    target = request
    for version in _VERSIONS:
        target = target.str.strip_suffix(version)
    cut = target.str.splitn(" ", 2)
    method, rest = cut.struct.field("field_0"), cut.struct.field("field_1")
    versioned = target.str.len_bytes() < request.str.len_bytes()
    proper = method.str.contains(METHOD) & rest.is_not_null() & (versioned | rest.str.contains(_TARGET))
    split = rest.str.splitn("?", 2)
    return [
        pl.when(proper).then(method).alias("method"),
        pl.when(proper).then(split.struct.field("field_0")).when(request != "-").then(request).alias("path"),
        pl.when(proper).then(present(split.struct.field("field_1"))).alias("query"),
    ]


def requests(request: pl.Series) -> pl.DataFrame:
    """The columns of `request_line`: the plain `GET /a?b HTTP/1.1` at once, everything else with all its rules."""
    cut = request.str.splitn(" ", 3).struct.rename_fields(["method", "target", "version"]).struct.unnest()
    plain = cut.select(
        pl.col("method").is_in(METHODS) & pl.col("version").is_in([name.strip() for name in _VERSIONS])
    ).to_series()
    split = pl.col("target").str.splitn("?", 2).struct
    quick = cut.select("method", split.field("field_0").alias("path"), present(split.field("field_1")).alias("query"))
    odd = ~plain.fill_null(False)
    if not odd.any():
        return quick
    return patched(quick, odd, request.filter(odd).alias("request").to_frame().select(request_line(pl.col("request"))))


def hide_escapes(line: pl.Series) -> pl.Series:
    """`line` with escaped quotes and backslashes (Apache's `\\"`, nginx's `\\x22`) taken out of the way of cutting."""
    pairs = {"\\\\": _BACKSLASH, '\\"': _QUOTE, "\\x22": _QUOTE, "\\x5C": _BACKSLASH, "\\x5c": _BACKSLASH}
    return line.str.replace_many(pairs, leftmost=True)


def show_escapes(frame: pl.DataFrame) -> pl.DataFrame:
    """The characters that `hide_escapes` hid, in every text column, unescaped."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(pl.col(texts).str.replace_many({_BACKSLASH: "\\", _QUOTE: '"'}))


def status(text: pl.Expr) -> pl.Expr:
    """An HTTP status, or null (nginx logs 000 and Apache `-` where none was sent)."""
    code = integer(text, pl.Int16)
    return pl.when(code.is_between(1, 999)).then(code)


def seconds_ms(text: pl.Expr) -> pl.Expr:
    """Seconds as milliseconds. Several (`0.010, 0.120`, one a try; ` : ` between redirects) add up; `-` counts none."""
    return milliseconds(pl.when(text.str.contains(r"\d[\s,:]")).then(_sum(text)).otherwise(number(text)))


def _sum(text: pl.Expr) -> pl.Expr:
    found = text.str.extract_all(r"\d+(?:\.\d+)?").cast(pl.List(pl.Float64), strict=False)
    return pl.when(found.list.len() > 0).then(found.list.sum())


_NAMED = r"(?:^|[\s,;])\"?(?:{})=\"?([\d.]+(?:\s?[,:]\s?[\d.]+)*)"
_TOTAL = _NAMED.format("rt|request_time|req_time|rtime|duration|time")
_UPSTREAM = _NAMED.format("urt|upstream_response_time|upstream_time|upstream")
_SECONDS = r"(?:^|[\s\"])(\d+\.\d{1,6})(?:$|[\s\"])"
_SECONDS_AGAIN = r"(?:^|[\s\"])\d+\.\d{1,6}[\s\"]+(?:.*?[\s\"])??(\d+\.\d{1,6}|-)(?:$|[\s\"])"
_MICROS = r"^[\s\"]*(?:-[\s\"]+)*(\d{3,})[\s\"]*$"
_MILLIS = r"(?:^|[\s\"])(\d+(?:\.\d+)?)ms[\s\"]*$"


def trailing(extra: pl.Expr) -> list[pl.Expr]:
    """`duration_ms`, `upstream_ms` and `trace_id` from what follows a line's last known field.

    By name (`rt=0.042`, `urt=..`, in seconds), else by form: the first decimal number is nginx's `$request_time` in
    seconds and the second the upstream's; a lone whole number of three digits or more is Apache's `%D` in
    microseconds (fewer digits could be `%T` in seconds: unknown, so null); `215ms` is Traefik's. 32 hex digits or a
    UUID are the request's id. The rest (addresses, cache states, sizes) is left out.
    """
    named = extra.str.contains("=", literal=True)
    by_form = pl.coalesce(
        milliseconds(number(extra.str.extract(_SECONDS))),
        (number(extra.str.extract(_MICROS)) / 1000).round(6),
        number(extra.str.extract(_MILLIS)),
    )
    again = extra.str.extract(_SECONDS_AGAIN)
    return [
        pl.when(named).then(seconds_ms(extra.str.extract(_TOTAL))).otherwise(by_form).alias("duration_ms"),
        pl.when(named).then(seconds_ms(extra.str.extract(_UPSTREAM))).otherwise(milliseconds(number(again)))
        .alias("upstream_ms"),
        trace(extra).alias("trace_id"),
    ]  # fmt: skip


def trailed(extra: pl.Series) -> pl.DataFrame:
    """The columns of `trailing`: `0.042` and a request's id at once, everything else with all its rules."""
    cut = extra.str.replace_all('"', "", literal=True).str.splitn(" ", 2).struct.rename_fields(["spent", "id"])
    frame = cut.struct.unnest()
    seconds = pl.col("spent").str.contains(r"^\d{1,9}\.\d{1,6}$")
    plain = (extra == "") | frame.select(
        seconds & (pl.col("id").is_null() | pl.col("id").str.contains(r"^[0-9a-f]{32}$"))
    ).to_series().fill_null(False)
    quick = frame.select(
        milliseconds(pl.col("spent").cast(pl.Float64, strict=False)).alias("duration_ms"),
        pl.lit(None, dtype=pl.Float64).alias("upstream_ms"),
        pl.col("id").alias("trace_id"),
    )
    odd = ~plain
    if not odd.any():
        return quick
    return patched(quick, odd, extra.filter(odd).alias("extra").to_frame().select(trailing(pl.col("extra"))))
