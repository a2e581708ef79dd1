"""JSON lines whose keys are the lake's own column names: the format for whatever can be made to write it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import polars as pl

from storage import schema
from storage.format import Context, Keys, Parsed, Sample, rejected
from storage.formats import _json, _json_lines, _times
from storage.formats._cells import integer_in, number_in
from storage.formats._lines import LineFormat

_LANDED_BY_US = {"source", "byte_offset"}
_COLUMNS = {
    name: kind
    for table in schema.EVENTS.values()
    for name, kind in table.columns.items()
    if name not in _LANDED_BY_US
}  # fmt: skip
_WANTED = ("event", "ts", *_COLUMNS)
_LOOSE = ("ts", *(name for name, kind in _COLUMNS.items() if kind not in (pl.String, pl.Boolean)))
"""Keys whose values become numbers or times, however they are spelled."""
_TELLING: dict[str, tuple[str, ...]] = {
    "prediction": ("prediction_id",),
    "label": ("truth",),
    "query": ("sql",),
    "job": ("job_id", "job_type", "execution_ms"),
    "request": ("client_ip", "method", "path", "user_agent"),
    "log": ("message",),
}
"""Keys that tell the table where `event` is not given; the first event with one of its keys present is taken."""


class JsonLines(LineFormat):
    """One JSON object a line; `event` names the table, without it the keys decide. Unknown keys are ignored."""

    name: ClassVar[str] = "jsonl"
    title: ClassVar[str] = "JSON lines with the lake's column names as keys"
    tables: ClassVar[tuple[str, ...]] = tuple(table.name for table in schema.EVENTS.values())
    specificity: ClassVar[int] = 90
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '{"event":"query","ts":"2026-03-02T09:00:00.000250Z","trace_id":"t1","sql":"SELECT 1","params":[1,"a"],'
            '"duration_ms":0.25}\n{"event":"job","ts":1772442000.5,"job_id":"j1","retry_count":2,"memory_mb":12.5}\n',
            {
                "queries": [{"ts": "2026-03-02T09:00:00.000250Z", "trace_id": "t1", "sql": "SELECT 1",
                             "params": '[1,"a"]', "duration_ms": 0.25}],
                "jobs": [{"ts": "2026-03-02T09:00:00.500000Z", "job_id": "j1", "retry_count": 2, "memory_mb": 12.5}],
            },
            "two tables in one file; times as RFC 3339 text and as seconds",
        ),
        Sample(
            "edge",
            '{"ts":"2026-03-02 10:00:00+01:00","client_ip":"::1","method":"GET","path":"/","status":"200",'
            '"bytes_sent":"many","spare":{"x":1}}\n\n',
            {"requests": [{"ts": "2026-03-02T09:00:00Z", "client_ip": "::1", "status": 200, "bytes_sent": None}]},
            "no event name, a number as text, a value of the wrong type, an unknown key, a blank line",
        ),
        Sample(
            "edge",
            '{"event":"label","ts":1772442000000,"model":"n1-detector","subject":"t1","truth":1}\n'
            '{"event":"label","model":"n1-detector","subject":"t2","truth":false}\n'
            '{"event":"log","ts":"2026-03-02T09:00:00Z","level":"WARN","message":"slow","context":{"a":[1]}}\n',
            {
                "labels": [{"ts": "2026-03-02T09:00:00Z", "subject": "t1", "truth": True, "window_start": None},
                           {"ts": None, "subject": "t2", "truth": False}],
                "logs": [{"level": "warn", "context": '{"a":[1]}'}],
            },
        ),
        Sample("reject", '{"event":"query","sql":"SELECT 1"}\n', about="no time"),
        Sample("reject", '{"event":"cocktail","ts":"2026-03-02T09:00:00Z"}\n[1,2]\n{"event":"que\n'),
        Sample("reject", '{"ts":"2026-03-02T09:00:00Z","colour":"red"}\n', about="no event and no telling key"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """The share of objects with our `ts`, and an `event` that we know or keys that tell one."""
        return self.sniff_mapped(head, ())

    def sniff_mapped(self, head: pl.Series, keys: Keys) -> float:
        """The same, keys of other names included."""
        if not _json.any_in(head):
            return 0.0
        names = _wanted(("event", "ts", *_keys()), keys)
        seen = _mapped(_json.decode(head, _json.texts(*names)), keys)
        fits = seen.filter(pl.col("ts").is_not_null() & _event(seen).is_in(list(schema.EVENTS)))
        return fits.height / max(head.len(), 1)

    def stops_at(self, record: str) -> int | None:
        """Where the JSON breaks."""
        return _json.breaks_at(record)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Lines of a common skeleton by position; of the others, where a line begins with its event, only that
        table's keys are looked for, which is twice as fast."""
        loose = (*_LOOSE, *(key for key, column in context.keys if column in _LOOSE))
        quick = _json_lines.regular(records["record"], _wanted(_WANTED, context.keys), loose=loose)
        rows = quick[_json_lines.ROW]
        if quick.height == records.height and rows.is_sorted():
            return _told(quick.drop(_json_lines.ROW), records, context)
        parts = [_told(quick.drop(_json_lines.ROW), records[rows], context)] if quick.height else []
        rest = records.filter(~pl.int_range(records.height, eager=True).is_in(rows.implode()))
        if rest.is_empty() and parts:
            frames = {name: frame.sort("byte_offset") for name, frame in parts[0].frames.items()}
            return Parsed(frames, parts[0].rejects.sort("byte_offset"))
        leading = rest["record"].str.extract(_EVENT_FIRST)
        parts += [
            _read(group, context, schema.EVENTS[event].columns if event in schema.EVENTS else _COLUMNS)
            for (event,), group in rest.with_columns(leading.alias("event")).group_by("event", maintain_order=True)
        ]
        names = [name for name in schema.TABLES if any(name in part.frames for part in parts)]
        frames = {
            name: pl.concat([p.frames[name] for p in parts if name in p.frames], how="diagonal").sort("byte_offset")
            for name in names
        }
        rejects = [part.rejects for part in parts]
        return Parsed(frames, pl.concat(rejects).sort("byte_offset") if rejects else rejected(records, ""))


_EVENT_FIRST = r'^\s*\{\s*"event"\s*:\s*"([a-z]+)"'
"""Of a key that stands twice the first counts, so an event in front is the event."""
_UNDATED = ["label", "prediction"]
"""Events that get the landing's time where they have none of their own."""


def _read(records: pl.DataFrame, context: Context, columns: Iterable[str]) -> Parsed:
    """Text cells by DuckDB."""
    wanted = [name for name in columns if name not in _LANDED_BY_US]
    names = _wanted(("event", "ts", *wanted), context.keys)
    cells = _json.decode(records["record"], _json.texts(*names))
    return _told(cells, records, context)


def _told(cells: pl.DataFrame, records: pl.DataFrame, context: Context) -> Parsed:
    """Types of text `cells` by Polars, one frame an event. Cells that are not there are null."""
    cells = _mapped(cells, context.keys)
    if (table := _only_table(cells)) is not None:
        times = _times.anything(cells["ts"], context).alias("ts")
        if not times.has_nulls():
            whole = _typed(cells.with_columns(records["byte_offset"], times), table, context)
            return Parsed({table.name: whole}, rejected(records.clear(), ""))
    missing = [name for name in ("event", "ts", *_keys()) if name not in cells.columns]
    cells = cells.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing)
    cells = cells.with_columns(
        records["byte_offset"], _times.anything(cells["ts"], context).alias("ts"), _event(cells).alias("event"),
        (pl.col("is_object") if "is_object" in cells.columns else pl.lit(value=True)).alias("is_object"),
    )  # fmt: skip
    dated = pl.col("ts").is_not_null() | pl.col("event").is_in(_UNDATED)
    readable = pl.col("is_object") & dated & pl.col("event").is_in(list(schema.EVENTS))
    good = cells.select(readable.fill_null(value=False)).to_series()
    landing = cells.filter(good)
    frames = {
        table.name: _typed(part, table, context)
        for event, table in schema.EVENTS.items()
        if (part := landing.filter(pl.col("event") == event)).height
    }
    bad = cells.filter(~good).with_columns(records["record"].filter(~good))
    return Parsed(frames, rejected(bad, _reason()))


def _only_table(cells: pl.DataFrame) -> schema.Table | None:
    """The table that all of `cells` belong to, if they all name the same event and are known to be objects."""
    if not cells.height or "is_object" in cells.columns or not {"event", "ts"} <= set(cells.columns):
        return None
    events = cells["event"]
    return schema.EVENTS.get((events[0] or "").lower()) if events.n_unique() == 1 else None


def _wanted(names: Iterable[str], keys: Keys) -> list[str]:
    """`names` and the other `keys` that mean one of them; DuckDB takes no two that differ in case alone."""
    wanted = list(dict.fromkeys(names))
    others = [key for key, column in keys if column in wanted and key not in wanted]
    differing = {key.lower() for key in others}
    return [name for name in wanted if name.lower() not in differing] + others


def _mapped(cells: pl.DataFrame, keys: Keys) -> pl.DataFrame:
    """`cells` under our names: a column has the first value of its own name and of the keys that mean it."""
    if not keys:
        return cells
    found: dict[str, list[str]] = {}
    for key, column in keys:
        if key in cells.columns and key != column:
            found.setdefault(column, [column] if column in cells.columns else []).append(key)
    whole = cells.with_columns(pl.coalesce(names).alias(column) for column, names in found.items())
    return whole.drop({key for names in found.values() for key in names} - found.keys())


def _keys() -> list[str]:
    return sorted({key for keys in _TELLING.values() for key in keys})


def _event(cells: pl.DataFrame) -> pl.Expr:
    """The event's name as given, else by the keys that are there."""
    named = pl.col("event").str.to_lowercase()
    if not cells["event"].has_nulls():
        return named
    guess = pl.coalesce(
        *(pl.when(pl.any_horizontal(pl.col(list(keys)).is_not_null())).then(pl.lit(event))
          for event, keys in _TELLING.items())
    )  # fmt: skip
    return pl.coalesce(named, guess)


def _reason() -> pl.Expr:
    return (
        pl.when(~pl.col("is_object")).then(pl.lit("not a whole JSON object"))
        .when(pl.col("event").is_null()).then(pl.lit("no `event`, and no key that tells which table it belongs to"))
        .when(~pl.col("event").is_in(list(schema.EVENTS)))
        .then(pl.format("unknown event {}; known are " + ", ".join(schema.EVENTS), pl.col("event").str.head(40)))
        .otherwise(pl.lit("no readable `ts` (RFC 3339 text or a number since 1970)"))
    )  # fmt: skip


def _typed(cells: pl.DataFrame, table: schema.Table, context: Context) -> pl.DataFrame:
    """The columns of `table` from text `cells`; what does not fit its type becomes null."""
    told = [name for name in table.columns if name in cells.columns and name not in (*_LANDED_BY_US, "ts")]
    later = [name for name in told if table.columns[name] == schema.TIME]
    times = [_times.anything(cells[name], context).alias(name) for name in later]
    plain = [_cell(cells[name], table.columns[name]) for name in told if name not in later]
    return cells.select("byte_offset", "ts").hstack([*times, *plain])


def _cell(text: pl.Series, kind: pl.DataType | type[pl.DataType]) -> pl.Series:
    if kind == pl.Float64:
        return number_in(text)
    if kind == pl.Boolean:
        return text.str.to_lowercase().replace_strict(
            {"true": True, "1": True, "false": False, "0": False}, default=None, return_dtype=pl.Boolean
        )
    if kind == pl.String:
        return text.str.to_lowercase() if text.name == "level" else text
    return integer_in(text, kind if isinstance(kind, type) else type(kind))
