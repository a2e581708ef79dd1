"""JSON records to text columns by DuckDB, which reads hostile lines without losing a neighbour.

`json_valid` guards `from_json`, so a damaged line gives one null row and nothing else (RESEARCH: Polars and pyarrow
raise and lose the batch). Every leaf is asked for as text: a number keeps its digits, an object becomes JSON text,
and the caller casts.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from storage.formats._cells import present
from storage.formats._json_lines import ROW, regular

if TYPE_CHECKING:
    import duckdb

Shape = Mapping[str, Any]
"""Keys wanted: a name to `"VARCHAR"`, or to another Shape for an object inside, or `[Shape]` for a list of objects."""

TEXT = "VARCHAR"
_ROWS_A_BATCH = 8_192  # DuckDB works on one Arrow batch a thread


def texts(*names: str) -> dict[str, str]:
    """A shape of flat text keys; DuckDB takes no two that differ in case alone."""
    return dict.fromkeys(names, TEXT)


@functools.cache
def _engine() -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that can reach nothing but the tables registered with it."""
    import duckdb

    return duckdb.connect(
        config={"enable_external_access": False, "autoload_known_extensions": False,
                "autoinstall_known_extensions": False, "python_enable_replacements": False}
    )  # fmt: skip


def decode(lines: pl.Series, shape: Shape) -> pl.DataFrame:
    """One row a line: the top keys of `shape` as columns, and `is_object`; all null where the line is no JSON object."""  # noqa: E501
    cursor = _engine().cursor()
    try:
        parts = [lines.slice(i, _ROWS_A_BATCH) for i in range(0, lines.len(), _ROWS_A_BATCH)] or [lines]
        batches = pl.concat([part.alias("line").to_frame() for part in parts], rechunk=False)
        cursor.register("lines", batches.to_arrow())
        literal = json.dumps(shape).replace("'", "''")
        relation = cursor.sql(
            f"select is_object, unnest(case when is_object then from_json(line, '{literal}') end) from ("
            "  select line, coalesce(starts_with(ltrim(line, e' \\t\\r\\n'), '{') and json_valid(line), false) as is_object"  # noqa: E501
            "  from lines)"
        )
        return pl.DataFrame(relation.to_arrow_table())
    finally:
        cursor.close()


def coalesced(lines: pl.Series, keys: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """`is_object`, and for each name of `keys` the first of its keys that holds something: neither "" nor "-".

    Lines written from few places are read by position, the others are decoded.
    """
    everything = list(dict.fromkeys(key for names in keys.values() for key in names))
    whole = lines.fill_null("") if lines.has_nulls() else lines
    quick = regular(whole, everything)
    rows = quick[ROW]
    found = _first_of(quick.with_columns(pl.lit(value=True).alias("is_object")), keys)
    if quick.height == lines.len() and rows.is_sorted():
        return found
    left = pl.int_range(lines.len(), eager=True)
    left = left.filter(~left.is_in(rows.implode()))
    decoded = _first_of(decode(lines.gather(left), texts(*everything)), keys)
    return pl.concat([found, decoded]).with_columns(pl.concat([rows, left]).alias(ROW)).sort(ROW).drop(ROW)


def _first_of(seen: pl.DataFrame, keys: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    here = {name: [present(pl.col(key)) for key in names if key in seen.columns] for name, names in keys.items()}
    nothing = pl.lit(None, dtype=pl.String)
    return seen.select("is_object", *((pl.coalesce(some) if some else nothing).alias(n) for n, some in here.items()))


def any_in(lines: pl.Series, *keys: str) -> bool:
    """Whether some line could be a JSON object with all of `keys`; spares the decoding where none is."""
    like = lines.str.contains(r"^\s*\{")
    for key in keys:
        if not like.any():
            return False
        like &= lines.str.contains(f'"{key}"', literal=True)
    return bool(like.any())


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"} | {
    chr(code): f"\\u{code:04x}" for code in range(32) if chr(code) not in "\n\r\t"
}


def quoted(text: pl.Expr) -> pl.Expr:
    """`text` as a JSON string, quotes and all; null stays null."""
    return pl.concat_str(pl.lit('"'), text.str.replace_many(_ESCAPES), pl.lit('"'))


def objects(**fields: pl.Expr) -> pl.Expr:
    """A JSON object of those text `fields` that are not null; null where all are."""
    pairs = [pl.format('"{}":{}', pl.lit(name), quoted(value)) for name, value in fields.items()]
    inner = pl.concat_str(*pairs, separator=",", ignore_nulls=True)
    return pl.when(inner != "").then(pl.concat_str(pl.lit("{"), inner, pl.lit("}")))


def breaks_at(record: str) -> int | None:
    """The character at which `record` ceases to be JSON, or None where it is whole."""
    try:
        json.loads(record)
    except json.JSONDecodeError as error:
        return error.pos
    except RecursionError:
        return 0
    return None


def is_valid(lines: pl.Series) -> pl.Series:
    """Whether each line is JSON of any kind; false for null."""
    cursor = _engine().cursor()
    try:
        cursor.register("lines", lines.alias("line").to_frame().to_arrow())
        found = cursor.sql("select coalesce(json_valid(line), false) as valid from lines").to_arrow_table()
        return pl.DataFrame(found)["valid"]
    finally:
        cursor.close()
