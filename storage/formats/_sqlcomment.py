"""Comments by which applications say whose statement it is: sqlcommenter, marginalia, Rails query tags.

`/*controller='carts',traceparent='00-<trace>-<span>-01'*/` (https://google.github.io/sqlcommenter/spec/) or
`/*application:Shop,controller:carts,action:show*/`, at the end or the start of a statement. Such a comment differs
from call to call, so it leaves the statement's text; any other comment stays.
"""

from __future__ import annotations

import polars as pl

from storage.formats._cells import unquoted_url

_LAST = r"(?s)^(?P<body>.*?)(?P<open>/\*)(?P<tags>\s*[\w.%-]+\s*[=:](?:[^*]|\*[^/])*)\*/(?P<rest>\s*;?\s*)$"
_FIRST = r"(?s)^\s*/\*(?P<tags>\s*[\w.%-]+\s*[=:](?:[^*]|\*[^/])*)\*/\s*(?P<body>.*)$"
_PARENT = r"traceparent\s*[=:]\s*'?[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})"
_REQUEST = "trace_id|request_id|requestid|correlation_id|x_request_id"

TAGS = pl.Schema({"sql": pl.String, "trace_id": pl.String, "parent_span_id": pl.String, "caller": pl.String})


def read(sql: pl.Series) -> pl.DataFrame:
    """Statements without their tag comments, and what those said (schema TAGS), a row each."""
    blank = {name: pl.lit(None, dtype=pl.String) for name in ("trace_id", "parent_span_id", "caller")}
    commented = sql.str.contains("/*", literal=True).fill_null(False)
    frame = sql.alias("sql").to_frame().with_columns(**blank)
    if not commented.any():
        return frame
    index = frame.with_row_index("row").filter(commented).select("row")
    told = index.hstack(_told(frame.filter(commented)["sql"]))
    plain = frame.with_row_index("row").filter(~commented)
    return pl.concat([plain, told]).sort("row").drop("row")


def _told(sql: pl.Series) -> pl.DataFrame:
    last = sql.alias("sql").to_frame().select("sql", pl.col("sql").str.extract_groups(_LAST).alias("cut"))
    last = last.select("sql", pl.col("cut").struct.unnest())
    body = pl.when(pl.col("tags").is_not_null()).then(
        pl.col("body").str.strip_chars_end() + pl.col("rest").str.strip_chars_end()
    ).otherwise(pl.col("sql"))  # fmt: skip
    rest = last.select(body.alias("sql"), pl.col("tags").alias("end"))
    first = rest.with_columns(pl.col("sql").str.extract_groups(_FIRST).alias("cut"))
    return first.select(
        pl.coalesce(pl.col("cut").struct.field("body"), "sql").alias("sql"),
        pl.concat_str("end", pl.col("cut").struct.field("tags"), separator=",", ignore_nulls=True).alias("tags"),
    ).select(
        "sql",
        pl.coalesce(pl.col("tags").str.extract(_PARENT, 1), _tag(_REQUEST)).alias("trace_id"),
        pl.col("tags").str.extract(_PARENT, 2).alias("parent_span_id"),
        _caller().alias("caller"),
    )


def _tag(key: str) -> pl.Expr:
    """The value of the first tag named `key` (an alternation): `key='value'`, `key=value` or `key:value`."""
    value = pl.col("tags").str.extract(rf"(?i)(?:^|[,\s])(?:{key})\s*[=:]\s*'?([^',*]+)").str.strip_chars()
    return unquoted_url(pl.when(value != "").then(value))


def _caller() -> pl.Expr:
    """`controller#action`, else the controller, the route, the source line, the job."""
    controller = _tag("controller|controller_with_namespace")
    return pl.coalesce(
        controller + "#" + _tag("action"), controller, _tag("route"), _tag("source_location|line|file|func"),
        _tag("job|job_class|action"),
    )  # fmt: skip
