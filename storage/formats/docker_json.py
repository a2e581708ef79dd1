"""docker's json-file log driver: each line of a container's output as a JSON object."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Sample
from storage.formats import _json, _times
from storage.formats._envelope import Envelope

_SHAPE = _json.texts("log", "stream", "time")


class DockerJson(Envelope):
    """`{"log":"a line\\n","stream":"stdout","time":"2026-11-22T16:03:47.123456789Z"}`.

    A line over 16 KiB comes in pieces without a line end, which are put together again.
    """

    name: ClassVar[str] = "docker-json"
    title: ClassVar[str] = "docker json-file log"
    tables: ClassVar[tuple[str, ...]] = ("logs",)
    specificity: ClassVar[int] = 80
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '{"log":"ERROR no disk\\n","stream":"stderr","time":"2026-11-22T16:03:47.123456789Z"}\n',
            {"logs": [{"ts": "2026-11-22T16:03:47.123456Z", "level": "error", "message": "ERROR no disk", "logger": "stderr"}]},  # noqa: E501
        ),
        Sample(
            "edge",
            '{"log":"\\u001b[32mgreen\\u001b[0m\\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-22T16:03:47Z"}\n'
            '{"log":"\\n","stream":"stdout","time":"2026-11-22T16:03:48Z"}\n',
            {"logs": [{"message": "green", "level": None}]},
            "colours, labels, an empty line",
        ),
        Sample("reject", '{"log":"x\\n","stream":"stdout"}\nplain\n', about="no time; no envelope"),
    )  # fmt: skip

    def stops_at(self, record: str) -> int | None:
        """Where the JSON breaks."""
        return _json.breaks_at(record)

    def sniff(self, head: pl.Series) -> float:
        """Objects with docker's three keys."""
        if not _json.any_in(head, "log", "stream", "time"):
            return 0.0
        seen = _json.decode(head, _SHAPE)
        return (
            float(seen.select(pl.all_horizontal(pl.col("log", "stream", "time").is_not_null()).sum()).item())
            / head.len()
        )

    def unwrap(self, records: pl.DataFrame, context: Context) -> pl.DataFrame:
        """The `log` of each; a piece without a line end glues the next one to it."""
        seen = _json.decode(records["record"], _SHAPE)
        piece = ~pl.col("log").str.ends_with("\n")
        return records.select("byte_offset").hstack(
            seen.select(
                _times.iso(seen["time"], context).alias("ts"),
                pl.when(pl.col("time").is_not_null()).then(pl.col("log").str.strip_suffix("\n").str.strip_suffix("\r"))
                .alias("text"),
                pl.lit(False).alias("glued"), piece.fill_null(False).alias("open"), pl.col("stream").alias("told"),
            )
        )  # fmt: skip
