"""What PostgreSQL's messages mean, whichever of its three log formats carried them.

One statement gives up to three duration records (parse, bind, execute): only `statement` and `execute` are executions.
With `log_statement` the text and its bare `duration: 0.3 ms` are two records of one session; the duration joins the
text before it. auto_explain's plan precedes the duration record of the same statement and joins it; a plan that stands
alone (a statement inside a function, or no duration logged) is a row of its own. An ERROR's STATEMENT was not executed
to its end: it lands in `logs`, with the statement in the context.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from storage import schema
from storage.formats import _json, _sqlcomment
from storage.formats._cells import number, trace

_TEXTS = (
    "pid", "session", "database", "db_user", "application", "transaction_id", "detail", "hint", "context", "statement",
)  # fmt: skip
EVENTS = pl.Schema({"byte_offset": pl.Int64(), "ts": schema.TIME, "severity": pl.String(), "message": pl.String()})
EVENTS.update({name: pl.String() for name in _TEXTS})
"""A record of PostgreSQL's log, its DETAIL, HINT, CONTEXT and STATEMENT beside it."""

JOIN_S = 10
JOIN_BYTES = 1 << 20
"""How far after a text its bare duration (or after a plan its statement) is looked for, in the log's own time and in
bytes. A bound keeps what must wait for the next block small; a statement that took longer keeps its row, without a
duration, and that duration is a log record of the session."""


@dataclass(frozen=True, slots=True)
class Told:
    """Rows by table, and from which offset on the records must be given again."""

    queries: pl.DataFrame
    logs: pl.DataFrame
    held_from: int | None


def tell(told: pl.DataFrame, *, final: bool) -> Told:
    """Executions and messages from `told`, the `kinds` of all events of a block.

    A bare duration that no text waits for (`log_duration` alone) is a log record of its session.
    """
    joined, held_from = _join(told, final=final)
    if held_from is not None:
        joined = joined.filter(pl.col("byte_offset") < held_from)
    executed = pl.col("kind").is_in(["done", "text"]) | ((pl.col("kind") == "plan") & ~pl.col("absorbed"))
    left_out = pl.col("kind").is_in(["step", "plan"]) | ((pl.col("kind") == "bare") & pl.col("absorbed"))
    return Told(queries(joined.filter(executed)), _logs(joined.filter(~executed & ~left_out)), held_from)


def any_waiting(told: pl.DataFrame) -> bool:
    """Whether some of these `kinds` must be judged together with the records around them."""
    return bool(told["kind"].is_in(["text", "plan"]).any())


def kinds(events: pl.DataFrame) -> pl.DataFrame:
    """`events` (schema EVENTS, readable ones only, in the file's order) with `kind`, `duration_ms`, `sql` and `plan`.

    Kinds: done (an execution with its duration), text (an execution without), bare (a duration alone), step (parse or
    bind), plan (auto_explain), error, other.
    """
    message = pl.col("message")
    timed = message.str.starts_with("duration: ")
    cut = message.str.slice(10).str.splitn(" ms", 2)
    after = pl.when(timed).then(cut.struct.field("field_1").str.strip_chars_start(" ")).otherwise(message)
    frame = events.with_columns(
        pl.when(timed).then(number(cut.struct.field("field_0"))).alias("duration_ms"), after.alias("after")
    )
    rest = pl.col("after")
    named = rest.str.starts_with("execute ") & rest.str.contains(": ", literal=True)
    stated = rest.str.starts_with("statement: ")
    timed = pl.col("duration_ms").is_not_null()
    kind = (
        pl.when(timed & (stated | named)).then(pl.lit("done"))
        .when(timed & (rest == "") & (pl.col("duration_ms") <= JOIN_S * 1000)).then(pl.lit("bare"))
        .when(timed & (rest.str.starts_with("parse ") | rest.str.starts_with("bind "))).then(pl.lit("step"))
        .when(timed & rest.str.starts_with("plan:")).then(pl.lit("plan"))
        .when(stated | named).then(pl.lit("text"))
        .when(pl.col("severity").is_in(["ERROR", "FATAL", "PANIC"])).then(pl.lit("error"))
        .otherwise(pl.lit("other"))
    )  # fmt: skip
    sql = pl.when(stated).then(rest.str.slice(11)).when(named).then(rest.str.splitn(": ", 2).struct.field("field_1"))
    frame = frame.with_columns(kind.alias("kind"), sql.alias("sql"), pl.lit(None, dtype=pl.String).alias("plan"))
    return _plans(frame).drop("after")


def _plans(frame: pl.DataFrame) -> pl.DataFrame:
    """auto_explain's record as `sql` and `plan`; its text form and its JSON form."""
    if not (frame["kind"] == "plan").any():
        return frame
    body = pl.col("after").str.slice(5).str.strip_chars("\r\n ")
    text_sql = body.str.extract(r"(?s)^Query Text: (.*?)\n[^\n]*\(cost=")
    text_plan = body.str.extract(r"(?s)^Query Text: .*?\n([^\n]*\(cost=.*)$")
    decoded = _json.decode(frame.select(pl.when(pl.col("kind") == "plan").then(body)).to_series().fill_null(""),
                           _json.texts("Query Text"))  # fmt: skip
    in_plan = pl.col("kind") == "plan"
    return frame.hstack(decoded.select(pl.col("Query Text").alias("told"))).with_columns(
        pl.when(in_plan).then(pl.coalesce("told", text_sql)).otherwise("sql").alias("sql"),
        pl.when(in_plan).then(pl.coalesce(text_plan, body)).alias("plan"),
    ).drop("told")  # fmt: skip


def _join(frame: pl.DataFrame, *, final: bool) -> tuple[pl.DataFrame, int | None]:
    """Bare durations and errors to the text before them, plans to the execution after them, within a session."""
    frame = frame.with_columns(pl.lit(False).alias("absorbed"), pl.lit(None, dtype=pl.String).alias("error"))
    waiting = frame["kind"].is_in(["text", "plan"])
    if not waiting.any():
        return frame, None
    marks = frame.filter(pl.col("kind").is_in(["done", "text", "bare", "error", "plan"])).with_columns(
        pl.coalesce("pid", "session").alias("who")
    )
    solid = marks.filter(pl.col("kind") != "plan")
    solid = solid.with_columns(
        *(pl.col(name).shift(-1).over("who").alias(f"next_{name}")
          for name in ("kind", "duration_ms", "message", "byte_offset", "ts"))
    )  # fmt: skip
    near = _near(pl.col("next_byte_offset"), pl.col("next_ts"))
    texts = solid.filter(pl.col("kind") == "text").select(
        "byte_offset", "next_byte_offset",
        pl.when(near & (pl.col("next_kind") == "bare")).then("next_duration_ms").alias("joined_ms"),
        pl.when(near & (pl.col("next_kind") == "error")).then("next_message").alias("joined_error"),
    )  # fmt: skip
    plans = _hosts(marks)
    frame = frame.join(texts.drop("next_byte_offset"), on="byte_offset", how="left", maintain_order="left")
    frame = frame.join(
        plans.filter("absorbed")
        .select(pl.col("host").alias("byte_offset"), pl.col("plan").alias("own"))
        .unique("byte_offset", keep="last"),
        on="byte_offset",
        how="left",
        maintain_order="left",
    )
    spent = texts.filter(pl.col("joined_ms").is_not_null())["next_byte_offset"]
    absorbed = pl.concat([plans.filter("absorbed")["byte_offset"], spent]).implode()
    held = None if final else _held(frame, texts, plans)
    return frame.with_columns(
        pl.coalesce("duration_ms", "joined_ms").alias("duration_ms"),
        pl.coalesce("error", "joined_error").alias("error"),
        pl.coalesce("plan", "own").alias("plan"),
        pl.col("byte_offset").is_in(absorbed).alias("absorbed"),
    ).drop("joined_ms", "joined_error", "own"), held  # fmt: skip


def _near(offset: pl.Expr, ts: pl.Expr) -> pl.Expr:
    """Whether a later record lies within reach of this one."""
    return (offset - pl.col("byte_offset") <= JOIN_BYTES) & (ts - pl.col("ts") <= pl.duration(seconds=JOIN_S))


def _hosts(marks: pl.DataFrame) -> pl.DataFrame:
    """Each plan with `host`, the record of the execution that it explains, and whether that one takes it over.

    The next record of the session is that execution itself, or a bare duration whose text came before the plan; the
    texts must be the same, for a plan may be of a statement inside a function.
    """
    done = pl.col("kind") == "done"
    text = pl.col("kind") == "text"
    later = marks.with_columns(
        *(pl.when(pl.col("kind") != "plan").then(name).shift(-1).backward_fill().over("who").alias(f"after_{name}")
          for name in ("byte_offset", "ts", "kind", "sql")),
        *(pl.when(text).then(name).forward_fill().over("who").alias(f"before_{name}")
          for name in ("byte_offset", "sql")),
        pl.when(done | text).then("kind").forward_fill().over("who").alias("before_kind"),
    ).filter(pl.col("kind") == "plan")  # fmt: skip
    after = (pl.col("after_kind") == "done") & (
        pl.col("after_sql").str.strip_chars() == pl.col("sql").str.strip_chars()
    )
    before = (
        (pl.col("after_kind") == "bare") & (pl.col("before_kind") == "text")
        & (pl.col("before_sql").str.strip_chars() == pl.col("sql").str.strip_chars())
    )  # fmt: skip
    near = _near(pl.col("after_byte_offset"), pl.col("after_ts"))
    return later.select(
        "byte_offset", "plan", pl.col("after_byte_offset").alias("next_byte_offset"),
        pl.when(after).then("after_byte_offset").when(before).then("before_byte_offset").alias("host"),
        (near & (after | before)).fill_null(False).alias("absorbed"),
    )  # fmt: skip


def _held(frame: pl.DataFrame, texts: pl.DataFrame, plans: pl.DataFrame) -> int | None:
    """The offset of the first record that may still be joined with what is to come, or None.

    A plan and its execution must be judged in one block, so a pair is never parted.
    """
    reach = (pl.col("byte_offset") > frame["byte_offset"][-1] - JOIN_BYTES) & (
        pl.col("ts") >= frame["ts"][-1] - pl.duration(seconds=JOIN_S)
    )
    open_ = pl.concat([t.filter(pl.col("next_byte_offset").is_null()).select("byte_offset") for t in (texts, plans)])
    times = frame.select("byte_offset", "ts")
    waiting = open_.join(times, on="byte_offset").filter(reach)["byte_offset"]
    if waiting.is_empty():
        return None
    held = int(waiting.min())  # type: ignore[arg-type]
    pairs = plans.filter("absorbed").select(
        pl.min_horizontal("byte_offset", "host").alias("first"),
        pl.max_horizontal("next_byte_offset", "host").alias("last"),
    )
    while True:
        parted = pairs.filter((pl.col("first") < held) & (pl.col("last") >= held))["first"]
        if parted.is_empty():
            return held
        held = int(parted.min())  # type: ignore[arg-type]


_PARAMETER = r"(?s)\$\d+ = (?:NULL|'(?:[^']|'')*'(?:\.\.\.)?)"


def params(detail: pl.Expr) -> pl.Expr:
    """`parameters: $1 = 'a', $2 = NULL` as a JSON array of texts and nulls; null without parameters."""
    value = pl.element().str.replace(r"^\$\d+ = ", "")
    text = value.str.strip_prefix("'").str.strip_suffix("'").str.replace_all("''", "'", literal=True)
    item = pl.when(value == "NULL").then(pl.lit("null")).otherwise(_json.quoted(text))
    found = detail.str.extract_all(_PARAMETER).list.eval(item).list.join(", ")
    told = detail.str.contains(r"^[Pp]arameters: ")
    return pl.when(told & (found != "")).then(pl.lit("[") + found + pl.lit("]"))


def queries(rows: pl.DataFrame) -> pl.DataFrame:
    """Executions as rows of `queries`."""
    tags = _sqlcomment.read(rows["sql"])
    rows = rows.drop("sql").hstack(tags)
    detailed = rows["detail"].is_not_null().any()
    return rows.select(
        "byte_offset", "ts", pl.coalesce("trace_id", trace(pl.col("application"))).alias("trace_id"), "parent_span_id",
        pl.coalesce("session", "pid").alias("session"), "transaction_id", "database", "db_user", "application", "sql",
        (params(pl.col("detail")) if detailed else pl.lit(None, dtype=pl.String)).alias("params"),
        "duration_ms", "caller", "error", "plan",
    )  # fmt: skip


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    tags = _sqlcomment.read(rows["statement"])
    rows = rows.drop("statement").hstack(tags.rename({"sql": "statement"}))
    names = ("detail", "hint", "context", "statement", "session", "database", "db_user", "application")
    session = pl.coalesce("session", "pid").alias("session")
    return rows.with_columns(session).select(
        "byte_offset", "ts", pl.col("severity").str.to_lowercase().alias("level"), pl.lit("postgresql").alias("logger"),
        "message", pl.coalesce("trace_id", trace(pl.col("application"))).alias("trace_id"),
        _json.objects(**{name: pl.col(name) for name in names}).alias("context"),
    )  # fmt: skip
