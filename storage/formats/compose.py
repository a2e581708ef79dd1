"""What `docker compose logs` prints: each line behind its container's name."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Sample
from storage.formats import _times
from storage.formats._cells import share
from storage.formats._envelope import Envelope

_LINE = r"(?s)^(?:\x1b\[[\d;]*m)?(?P<service>[\w.-]+) +\|(?:\x1b\[[\d;]*m)?(?: (?P<stamp>\d{4}-\d\d-\d\dT[\d:.]+Z))?(?: (?P<text>.*))?$"  # noqa: E501


class Compose(Envelope):
    """`web-1  | a line`, with `--timestamps` the time before it. Without that the time is what the format within tells.

    Several services share the output: what the inner format cannot read is a log record, if it has a time.
    """

    name: ClassVar[str] = "compose"
    title: ClassVar[str] = "docker compose logs"
    tables: ClassVar[tuple[str, ...]] = ("logs",)
    specificity: ClassVar[int] = 45
    mixed: ClassVar[bool] = True
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "db-1   | 2026-11-22T16:03:47.123456789Z ERROR no disk\n",
            {"logs": [{"ts": "2026-11-22T16:03:47.123456Z", "logger": "db-1", "message": "ERROR no disk", "level": "error"}]},  # noqa: E501
        ),
        Sample(
            "edge",
            "\x1b[36mweb_app |\x1b[0m 2026-11-22T16:03:47Z up\nweb_app | 2026-11-22T16:03:48Z\n",
            {"logs": [{"message": "up", "logger": "web_app"}]},
            "colours; a line that is empty within",
        ),
        Sample("reject", "db-1  | ready\n", about="no time, and no format within that tells one"),
        Sample("reject", "no bar\n"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A name, blanks, a bar."""
        return share(head, r"^(?:\x1b\[[\d;]*m)?[\w.-]+ +\|(?:\x1b\[[\d;]*m)?(?: |$)")

    def unwrap(self, records: pl.DataFrame, context: Context) -> pl.DataFrame:
        """The text behind the bar and the time."""
        cut = records.select(pl.col("record").str.extract_groups(_LINE).alias("cut")).unnest("cut")
        return records.select("byte_offset").hstack(
            cut.select(
                _times.iso(cut["stamp"], context).alias("ts"),
                pl.when(pl.col("service").is_not_null()).then(pl.col("text").fill_null("")).alias("text"),
                pl.lit(False).alias("glued"), pl.lit(False).alias("open"), pl.col("service").alias("told"),
            )
        )  # fmt: skip
