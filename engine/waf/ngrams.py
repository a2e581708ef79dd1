"""Hashed character n-grams of a unit, as flat arrays: no vocabulary to ship, no Python loop over texts.

A gram counts once a unit and each unit's grams have length one together (L2), so long texts do not outweigh short ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.waf.lexical import value_of

BITS = 14
SIZES = (3, 4)
MAX_CHARS = 512
_PRIMES = np.array([0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F], dtype=np.uint64)

Cells = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]


def grams(text: pl.Series) -> Cells:
    """(row, bucket, value) of every distinct gram; a run of digits counts as one `0`, names of arguments are left out."""
    clean = text.alias("t").to_frame().select(
        ("\x02" + value_of(pl.col("t")).str.head(MAX_CHARS).str.replace_all(r"\d+", "0") + "\x03").alias("t")
    )["t"]  # fmt: skip
    size = clean.str.len_bytes().to_numpy().astype(np.int64)
    data = np.frombuffer((clean.str.join("").item() or "").encode(), dtype=np.uint8).astype(np.uint64)
    row = np.repeat(np.arange(size.size), size)
    keys = []
    for n in SIZES:
        if data.size < n:
            continue
        code = np.zeros(data.size - n + 1, dtype=np.uint64)
        for i in range(n):
            code = code + (data[i : data.size - n + 1 + i] + np.uint64(1)) * _PRIMES[i]
            code = (code ^ (code >> np.uint64(15))) * np.uint64(0x2C1B3C6D)
        bucket = (code >> np.uint64(20)) & np.uint64((1 << BITS) - 1)
        same = row[: code.size] == row[n - 1 :]
        keys.append(row[: code.size][same] * (1 << BITS) + bucket[same].astype(np.int64))
    found = np.unique(np.concatenate(keys)) if keys else np.empty(0, dtype=np.int64)
    at, bucket_of = found >> BITS, found & ((1 << BITS) - 1)
    many = np.bincount(at, minlength=size.size).clip(1)
    return at, bucket_of, (1.0 / np.sqrt(many[at])).astype(np.float32)


def weighed(cells: Cells, weights: npt.NDArray[np.float32], rows: int) -> npt.NDArray[np.float64]:
    """The sum of `weights` over each row's grams."""
    at, bucket, value = cells
    return np.bincount(at, weights=weights[bucket] * value, minlength=rows)
