"""Lines that came through syslog: RFC 3164 files, RFC 5424, and Heroku's logplex."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Sample
from storage.formats import _times
from storage.formats._cells import share
from storage.formats._envelope import Envelope
from storage.schema import TIME

_OLD = r"(?P<old>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
_ISO = r"(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
_PROGRAM = r"(?P<program>[^\s\[:]+)(?:\[(?P<pid>[\w.:-]+)\]:?|:)"
_FILE = rf"(?s)^(?:<\d{{1,3}}>)?(?:{_OLD}|{_ISO}) +(?:(?P<host>[^\s\[:]+) )?{_PROGRAM}(?: (?P<text>.*))?$"
_NEW = (
    rf"(?s)^(?:\d+ )?<\d{{1,3}}>1 {_ISO} (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) \S+ ?"
    r"(?:-|(?:\[(?:[^\]\"]|\"(?:[^\"\\]|\\.)*\")*\])+)?(?: ?\x{feff}?(?P<text>.*))?$"
)
_SEVERITY = r"(?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG[1-5]?|DETAIL|HINT|CONTEXT|STATEMENT|QUERY): "
_PIECE = r"^(?:\[[A-Z]+\] )?\[\d+-(\d+)\] "


class Syslog(Envelope):
    """`Feb 11 13:15:39 host program[pid]: a line`. A time without a year gets the latest year that puts it before the
    file's last change.

    PostgreSQL writes long messages in numbered pieces (`[7-2]`, a TAB as `#011`) and often without a time of its own:
    its lines are put together again and get the envelope's time and process.
    """

    name: ClassVar[str] = "syslog"
    title: ClassVar[str] = "syslog (RFC 3164 and 5424, Heroku logplex)"
    tables: ClassVar[tuple[str, ...]] = ("logs",)
    specificity: ClassVar[int] = 40
    mixed: ClassVar[bool] = True
    steps: ClassVar[tuple[str, ...]] = (
        r"(?:<\d+>)?",
        rf"(?:{_OLD}|{_ISO}) +",
        r"(?:[^\s\[:]+ )?",
        r"[^\s\[:]+(?:\[[^\]]*\]:?|:)",
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "2026-11-22T14:30:19.123456+00:00 web-1 sshd[31]: Failed password for root from 192.0.2.1 port 22\n"
            "Nov 20 14:30:19 web-1 CRON[31]: (root) CMD (true)\n",
            {"logs": [{"ts": "2026-11-22T14:30:19.123456Z", "logger": "sshd"},
                      {"ts": "2026-11-20T14:30:19Z", "logger": "CRON", "message": "(root) CMD (true)"}]},
        ),
        Sample(
            "edge",
            '688 <134>1 2026-06-05T19:27:18+00:00 host app web.1 - source=A\n'
            '<34>1 2026-10-11T22:14:15.003Z m su 1 ID47 [a@1 b="c]"] \ufeff\'su root\' failed\n'
            "Dec 31 23:59:59 a kernel: [1.0] x\n2019-03-14T00:22:56+00:00 d.af28 app[web.1] hello\n",
            {"logs": [{"message": "source=A", "logger": "app"}, {"message": "'su root' failed"},
                      {"ts": "2025-12-31T23:59:59Z", "logger": "kernel"}, {"ts": "2019-03-14T00:22:56Z", "message": "hello"}]},  # noqa: E501
            "framed RFC 5424, structured data, last year's December, Heroku",
        ),
        Sample("reject", "no syslog at all\n"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A time and a program's name with a colon."""
        plain = r"\(\?P<\w+>", "(?:"
        file, new = (pl.Series([p]).str.replace_all(*plain)[0] for p in (_FILE, _NEW))
        return min(1.0, share(head, file) + share(head, new))

    def unwrap(self, records: pl.DataFrame, context: Context) -> pl.DataFrame:
        """The text behind the program's name, pieces of PostgreSQL's messages made whole."""
        file, new = (
            records.select(pl.col("record").str.extract_groups(p).alias("cut")).unnest("cut") for p in (_FILE, _NEW)
        )
        cut = file.with_columns(pl.col(name).fill_null(new[name]) for name in new.columns)
        cut = cut.with_columns(_stamped(cut, context).alias("ts"))
        there = pl.col("program").is_not_null()
        text = pl.col("text").fill_null("").str.replace_all("#011", "\t", literal=True)
        cut = cut.with_columns(pl.when(there).then(text).alias("text"))
        piece = pl.col("text").str.extract(_PIECE).cast(pl.Int32, strict=False)
        database = (pl.col("program") == "postgres") | pl.col("pid").str.starts_with("postgres").fill_null(False)
        bare = pl.col("text").str.replace(_PIECE, "")
        continued = database & (piece > 1) & ~bare.str.contains(_SEVERITY)
        stamp = pl.col("ts").dt.strftime("%Y-%m-%d %H:%M:%S%.6f UTC [") + pl.col("pid").str.extract(r"(\d+)$") + "] "
        own = bare.str.contains(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
        whole = (
            pl.when(database & ~continued & ~own).then(pl.coalesce(stamp + bare, bare))
            .when(database).then(bare).otherwise(pl.col("text"))
        )  # fmt: skip
        return records.select("byte_offset").hstack(
            cut.select(
                "ts",
                whole.alias("text"),
                (continued & ~bare.str.starts_with("\t")).fill_null(False).alias("glued"),
                pl.lit(False).alias("open"),
                pl.col("program").alias("told"),
            )
        )


def _stamped(cut: pl.DataFrame, context: Context) -> pl.Series:
    """The envelope's times; those without a year lie in the twelve months before the file's last change."""
    times = _times.iso(cut["iso"], context)
    if context.written_at is None or not cut["old"].is_not_null().any():
        return times
    last = pl.lit(context.written_at).cast(TIME) + pl.duration(days=1)
    guesses = [
        _times.shaped(str(context.written_at.year - back) + " " + cut["old"].str.replace("  ", " 0", literal=True),
                      "%Y %b %d %H:%M:%S", context).alias(f"t{back}")
        for back in range(5)
    ]  # fmt: skip
    frame = pl.DataFrame(guesses)
    return times.fill_null(
        frame.select(pl.coalesce(*(pl.when(pl.col(g.name) <= last).then(g.name) for g in guesses))).to_series()
    )
