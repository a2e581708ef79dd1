"""A table of the lake as one file, for whoever does not read Parquet by the folder."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from storage.errors import UnavailableError, UsageError
from storage.lake import Lake
from storage.schema import TABLES


def export(lake: Lake, name: str, target: Path) -> int:
    """Write every live row of a table to `target`, streamed; its suffix tells the form. Returns the rows written.

    Raises UsageError for an unknown table or form and for a file that is there already.
    """
    if name not in TABLES:
        raise UsageError(f"no table {name!r}; there are {', '.join(TABLES)}")
    if target.suffix not in (".parquet", ".csv", ".jsonl"):
        raise UsageError(f"{target.name!r} tells no form; end it with .parquet, .csv or .jsonl")
    if target.exists():
        raise UsageError(f"{target} is there already; choose another name")
    with lake.reading() as snapshot:
        rows = lake.scan(name, snapshot=snapshot)
        try:
            _write(rows, target)
        except (OSError, pl.exceptions.ComputeError) as error:
            target.unlink(missing_ok=True)
            raise UnavailableError(f"{target} cannot be written ({error}); choose another place") from error
        return sum(segment.row_count for segment in snapshot.of(name))


def _write(rows: pl.LazyFrame, target: Path) -> None:
    if target.suffix == ".parquet":
        rows.sink_parquet(target, compression="zstd")
    elif target.suffix == ".csv":
        binary = [n for n, kind in rows.collect_schema().items() if kind == pl.Binary]
        rows.with_columns(pl.col(n).bin.encode("base64") for n in binary).sink_csv(target)
    else:
        binary = [n for n, kind in rows.collect_schema().items() if kind == pl.Binary]
        rows.with_columns(pl.col(n).bin.encode("base64") for n in binary).sink_ndjson(target)
