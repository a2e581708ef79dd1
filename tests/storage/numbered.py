"""Numbered lines: what was written must be seen, each line once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from storage.lake import Lake


def line(number: int, padding: int = 0) -> bytes:
    """One log record as a JSON line."""
    seconds = number % 60
    record = {"event": "log", "ts": f"2026-03-02T09:{number // 60 % 60:02d}:{seconds:02d}Z", "message": f"n{number}"}
    if padding:
        record["logger"] = "x" * padding
    return json.dumps(record).encode() + b"\n"


def lines(numbers: Iterable[int], padding: int = 0) -> bytes:
    """Many of them."""
    return b"".join(line(n, padding) for n in numbers)


def append(path: Path, numbers: Iterable[int], padding: int = 0) -> None:
    """Write numbered lines to the end of a file, as a log writer does."""
    with path.open("ab") as out:
        out.write(lines(numbers, padding))


def seen(lake: Lake) -> list[int]:
    """The numbers in the lake, sorted, as often as they are there."""
    column = lake.scan("logs").select(pl.col("message").str.slice(1).cast(pl.Int64)).collect()["message"]
    return sorted(column.to_list())
