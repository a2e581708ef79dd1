"""Any log whose records begin with a date and time: what no other format knows."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import FITS, Context, Offsets, Parsed, Sample
from storage.formats import _applog, _times
from storage.formats._lines import LineFormat, ends_before, parted, share_with_continuations

_CLF = r"\[?\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]?"
_EPOCH = r"\[?1\d{9}(?:\.\d{1,9})?\]?(?:\s|$)"
_JAVA = r"\d{2}/\d{2}/\d{2} \d\d:\d\d:\d\d"
_LEAD = r"(?:[A-Z]+[ :|]+|[\[(<]?[A-Z]{1,8}[\])>]? +)?"
_START = rf"^{_LEAD}(?:{_applog.STAMP}|{_CLF}|{_EPOCH}|{_JAVA})"
_FRONT = 160


class Text(LineFormat):
    """A record begins with a time, perhaps after a level; lines without one (a stack trace) belong to the one before.

    Times of ISO form, of the common log format, epoch seconds, and `yy/mm/dd hh:mm:ss` are known. The level is the
    first one named near the front.
    """

    name: ClassVar[str] = "text"
    title: ClassVar[str] = "Any log whose records begin with a date and time"
    tables: ClassVar[tuple[str, ...]] = ("logs",)
    specificity: ClassVar[int] = 5
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "2026-11-22 16:03:47,123 ERROR [main] com.acme.Shop - no stock\njava.lang.RuntimeException: x\n\tat a.b(C.java:1)\n"  # noqa: E501
            "2026-11-22 16:03:48,000 INFO  [main] com.acme.Shop - ok\n",
            {"logs": [{"ts": "2026-11-22T16:03:47.123000Z", "level": "error",
                       "message": "[main] com.acme.Shop - no stock\njava.lang.RuntimeException: x\n\tat a.b(C.java:1)"},
                      {"level": "info", "message": "[main] com.acme.Shop - ok"}]},
        ),
        Sample(
            "edge",
            'INFO: 2026/11/22 16:03:47 started\n1795363352.711983 [0 127.0.0.1:36668] "SET" "a" "b"\n'
            "17/06/09 20:10:40 WARN spark.SecurityManager: x\n",
            {"logs": [{"level": "info", "message": "started"}, {"ts": "2026-11-22T16:02:32.711983Z", "level": None},
                      {"ts": "2017-06-09T20:10:40Z", "level": "warn"}]},
            "a level in front, redis-cli's monitor, Spark's short year",
        ),
        Sample("reject", "no time here\n"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Just enough to be taken where no format that knows what the lines mean is."""
        return min(FITS, share_with_continuations(head, _START))

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time at its front."""
        return ends_before(block, _START)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Time, level, and the rest as the message."""
        text = _applog.plain(pl.col("record")).str.replace_all("\r\n", "\n", literal=True)
        rows = records.with_columns(text)
        front = rows["record"].str.head(_FRONT).str.extract(f"({_START})")
        bare = front.str.extract(rf"({_applog.STAMP}|{_CLF}|{_EPOCH}|{_JAVA})").str.strip_chars("[] \n\t")
        times = _times.anything(bare.str.replace("^(\\d{2})/(\\d{2})/(\\d{2}) ", "20$1-$2-$3 "), context)
        good, rejects = parted(
            rows.with_columns(times.alias("ts"), front.alias("front")), "no date and time at the front"
        )
        return Parsed({"logs": _logs(good)}, rejects)


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    message = pl.col("record").str.tail(pl.col("record").str.len_chars() - pl.col("front").str.len_chars())
    message = message.str.strip_chars(" \t\n:|-")
    named = pl.concat_str(pl.col("front"), message.str.head(60), separator=" ")
    leading = message.str.replace(
        r"^[\[(<]?(?i:trace|debug|info|notice|warn|warning|error|critical|fatal)[\])>]?[\s:|-]+", ""
    )
    return _applog.log_rows(
        rows.with_columns(_applog.level(named).alias("level")), pl.lit(None, dtype=pl.String), leading
    )
