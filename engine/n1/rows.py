"""Events as narrow rows: a statement becomes its template, a hash of its values and a few flags, 54 bytes in all.

Every expression looks at one row alone, so this part runs in batches under the streaming engine and no SQL text
outlives its batch. What follows works on numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from storage.fingerprint import plain, templates

COUNTS, CANDIDATE, WRITES, PAGED, VEILED, TRACED, ENDS_ONE, ROWS_ONE, ROWS_MANY = (1 << bit for bit in range(9))
"""Bits of `flags`: is no noise; may be repeated in a loop; changes data; has an OFFSET; its values were not logged; has
a trace id; its last parameter is 1; returned at most one row; returned several."""

MOST_ROWS = 2_000_000
"""Rows that are ordered and judged at once: some 300 MB."""

LONGEST_MS = 7 * 86_400_000.0
"""A week; what claims to have run longer is a mistake of the log."""

_SPACE = "watchroom.n1"
TEMPLATE = pl.Categorical(pl.Categories("template", _SPACE))
SUBJECT = pl.Categorical(pl.Categories("subject", _SPACE))
CALLER = pl.Categorical(pl.Categories("caller", _SPACE))
"""Texts as numbers. Polars forgets a named set of categories when no frame uses it any more."""

_NOISE = (
    r"(?i)^~?\s*(begin|start transaction|commit|rollback|savepoint|release|set|show|reset|discard|pragma|explain|"
    r"describe|desc|use|analyze|vacuum|lock|unlock|listen|unlisten|notify|deallocate|close|fetch|move|declare|checkpoint|create|"
    r"alter|drop|truncate|grant|revoke|comment|connect|quit|ping|prepare|xa|end)\b"
)
_CATALOG = (
    r"(?i)\b(pg_catalog|information_schema|performance_schema|sqlite_(master|version|schema)|schema_migrations|"
    r"ar_internal_metadata|django_migrations|alembic_version|flyway_schema_history|databasechangelog\w*|"
    r"doctrine_migration_versions|pg_(class|type|attribute|index|namespace|constraint|enum|range|proc|settings|database|"
    r"roles|stat_\w+)|mysql\.)"
)
_HOUSEKEEPING = (
    r"(?i)^~?\s*select\s+(1|\?|@@[\w.]+|current_\w+(\(\))?|(version|now|database|last_insert_id|connection_id)\(\)|"
    r"(pg_\w+|set_config|nextval|lastval|currval|get_lock|release_lock)\([^)]*\))(\s+as\s+\S+)?\s*$"
)
_WRITE = r"(?i)^~?\s*(insert|update|delete|replace|merge|copy|load|upsert)\b"
_ASKS = r"(?i)^~?[\s(]*(select|with|exec|execute|call)\b"
_MARKS = ["?", "$", "%s", "%(", " :", "=:", "(:", ",:", "@"]
"""What a place for a value looks like in a statement whose values were not logged."""
_LAST_IS_ONE = r"(?:^|[^0-9.])1[\"'\]})\s]*$"
_ENCODED = pl.Struct({"template": TEMPLATE, "text": pl.UInt64, "kind": pl.UInt16})


def _subject() -> pl.Expr:
    """Whom a statement belongs to: its trace, else its session, else its log."""
    return pl.coalesce(given("trace_id"), given("session"), given("source"), pl.lit("unknown"))


def still_there(events: pl.LazyFrame, since: datetime, settle: timedelta) -> pl.LazyFrame:
    """The statements at `since` or later, and the earlier ones of subjects that had not fallen silent by then."""
    soon = events.filter(pl.col("ts").is_between(since, since + settle))
    here = soon.select(_subject().alias("subject")).unique().collect()["subject"]
    earlier = events.filter((pl.col("ts") < since) & _subject().is_in(here.implode()))
    return pl.concat([earlier, events.filter(pl.col("ts") >= since)])


def narrow(events: pl.LazyFrame) -> pl.LazyFrame:
    """`events` of the queries table as rows, in any order; statements without text or time are left out.

    Columns: subject, ts, byte_offset, identity (a hash of what else tells two events apart), template, values (a hash
    of the statement with its parameters), flags, ms (null, never zero, where no sound duration was logged), caller.
    """
    trace, duration, returned = given("trace_id"), pl.col("duration_ms"), pl.col("rows_returned")
    params = pl.when(pl.col("params").is_in(["", "[]", "{}"])).then(None).otherwise(pl.col("params"))
    asked_with = pl.when((pl.col("kind") & PAGED) > 0).then("bound_but_last").otherwise("bound")
    flags = {
        VEILED: params.is_null() & pl.col("sql").str.contains_any(_MARKS),
        TRACED: trace.is_not_null(),
        ENDS_ONE: params.str.contains(_LAST_IS_ONE).fill_null(False),
        ROWS_ONE: (returned <= 1).fill_null(False),
        ROWS_MANY: (returned > 1).fill_null(False),
    }
    return (
        events.filter(pl.col("sql").is_not_null() & pl.col("ts").is_not_null())
        .select(
            _subject().cast(SUBJECT).alias("subject"),
            "ts",
            "byte_offset",
            (pl.col("span_id").hash(1) ^ pl.col("caller").hash(2) ^ pl.col("source").hash(3)).alias("identity"),
            pl.col("sql").map_batches(_encode, return_dtype=_ENCODED, is_elementwise=True),
            params.hash(4).alias("bound"),
            params.str.replace(r",[^,]*$", "").hash(4).alias("bound_but_last"),
            pl.sum_horizontal(pl.when(on).then(pl.lit(bit, pl.UInt16)).otherwise(pl.lit(0, pl.UInt16))
                              for bit, on in flags.items()).alias("flags"),
            pl.when(duration.is_between(0.0, LONGEST_MS)).then(duration).alias("ms"),
            given("caller").cast(CALLER).alias("caller"),
        )
        .unnest("sql")
        .select(
            *(pl.col(name) for name in ("subject", "ts", "byte_offset", "identity", "template")),
            (pl.col("text") ^ asked_with).alias("values"),
            (pl.col("flags") | pl.col("kind")).alias("flags"),
            "ms",
            "caller",
        )
    )  # fmt: skip


def parts(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """`rows` in parts of about MOST_ROWS, no subject in two of them, so that what follows needs memory for one part
    only.
    """
    count = -(-rows.height // MOST_ROWS)
    if count <= 1:
        yield rows
        return
    for part in range(count):
        yield rows.filter(pl.col("subject").to_physical() % count == part)


def given(name: str) -> pl.Expr:
    """A text column whose empty values and dashes are null."""
    return pl.when(pl.col(name).is_in(["", "-"])).then(None).otherwise(pl.col(name))


def has(flag: int) -> pl.Expr:
    """Whether a row has a flag."""
    return (pl.col("flags") & flag) > 0


def _encode(sql: pl.Series) -> pl.Series:
    """Each statement's template, a hash of its text, and the flags that its template gives, as a struct.

    The text is hashed without comments (sqlcommenter puts a new span id into each) and without the number of an
    OFFSET, so that reading page after page of one list is the same question.
    """
    text = plain(sql)
    shape = templates(text).cast(TEMPLATE)
    known = shape.unique().drop_nulls()
    kinds = pl.DataFrame({"template": known}).with_columns(_kind(pl.col("template").cast(pl.String)).alias("kind"))
    frame = pl.DataFrame({"template": shape, "asked": text})
    frame = frame.join(kinds, on="template", how="left", maintain_order="left")
    paged = (pl.col("kind") & PAGED) > 0
    if kinds.select(paged.any()).item():
        anywhere = pl.col("asked").str.replace(r"(?i)\b(offset)\s+\d+", "${1}")
        frame = frame.with_columns(pl.when(paged).then(anywhere).otherwise("asked").alias("asked"))
    return frame.select("template", pl.col("asked").hash(0).alias("text"), "kind").to_struct("sql")


def _kind(template: pl.Expr) -> pl.Expr:
    """The flags that a template alone decides."""
    noise = template.str.contains(_NOISE) | template.str.contains(_CATALOG) | template.str.contains(_HOUSEKEEPING)
    writes = template.str.contains(_WRITE)
    asks = template.str.contains(_ASKS) & template.str.contains("?", literal=True)
    paged = template.str.contains(r"(?i)\boffset\s")
    return (
        pl.when(noise).then(0)
        .when(writes).then(COUNTS | WRITES)
        .when(asks & paged).then(COUNTS | CANDIDATE | PAGED)
        .when(asks).then(COUNTS | CANDIDATE)
        .otherwise(COUNTS)
        .cast(pl.UInt16)
    )  # fmt: skip
