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


def append(path: Path, numbers: Iterable[int], padding: int = 0, *, end: bytes = b"") -> None:
    """Write numbered lines, and perhaps a piece of one, to the end of a file, as a log writer does."""
    with path.open("ab") as out:
        out.write(lines(numbers, padding) + end)


def seen(lake: Lake) -> list[int]:
    """The numbers in the lake, sorted, as often as they are there."""
    column = lake.scan("logs").select(pl.col("message").str.slice(1).cast(pl.Int64)).collect()["message"]
    return sorted(column.to_list())


def request_lines(numbers: Iterable[int]) -> bytes:
    """Numbered requests of a combined access log."""
    return b"".join(
        b'10.0.0.1 - - [02/Mar/2026:09:%02d:%02d +0000] "GET /n%d HTTP/1.1" 200 5 "-" "curl/8.11.1"\n'
        % (n // 60 % 60, n % 60, n) for n in numbers
    )  # fmt: skip


def seen_requests(lake: Lake) -> list[int]:
    """The numbers of the requests in the lake, sorted, as often as they are there."""
    column = lake.scan("requests").select(pl.col("path").str.slice(2).cast(pl.Int64)).collect()["path"]
    return sorted(column.to_list())
