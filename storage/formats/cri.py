"""Kubernetes' container log files (CRI: containerd, CRI-O)."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Sample
from storage.formats import _times
from storage.formats._cells import share
from storage.formats._envelope import Envelope

_LINE = (
    r"(?s)^(?P<when>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (?P<stream>stdout|stderr) "
    r"(?P<tag>[FP])(?: (?P<text>.*))?$"
)


class Cri(Envelope):
    """`2026-11-22T16:03:47.123456789Z stdout F a line`; a `P` piece is continued by the next line."""

    name: ClassVar[str] = "cri"
    title: ClassVar[str] = "Kubernetes container log (CRI)"
    tables: ClassVar[tuple[str, ...]] = ("logs",)
    specificity: ClassVar[int] = 80
    steps: ClassVar[tuple[str, ...]] = (
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ",
        r"std(?:out|err) ",
        r"[FP]\b",
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "2026-11-22T17:37:40.493035218+01:00 stdout F hello world\n",
            {"logs": [{"ts": "2026-11-22T16:37:40.493035Z", "message": "hello world", "logger": "stdout"}]},
        ),
        Sample(
            "edge",
            "2026-11-22T17:37:40.1Z stderr F WARN full\n2026-11-22T17:37:40.2Z stdout F \n",
            {"logs": [{"level": "warn", "logger": "stderr"}]},
            "an empty line within",
        ),
        Sample("reject", "2026-11-22T17:37:40.1Z stdout hello\n", about="no tag"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A time, a stream and a tag."""
        return share(head, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) std(?:out|err) [FP](?: |$)")

    def unwrap(self, records: pl.DataFrame, context: Context) -> pl.DataFrame:
        """The text behind the tag; after a `P` comes the rest of the same line."""
        cut = records.select(pl.col("record").str.extract_groups(_LINE).alias("cut")).unnest("cut")
        text = pl.when(pl.col("tag").is_not_null()).then(pl.col("text").fill_null(""))
        return records.select("byte_offset").hstack(
            cut.select(
                _times.iso(cut["when"], context).alias("ts"), text.alias("text"),
                pl.lit(False).alias("glued"), (pl.col("tag") == "P").fill_null(False).alias("open"), pl.col("stream").alias("told"),  # noqa: E501
            )
        )  # fmt: skip
