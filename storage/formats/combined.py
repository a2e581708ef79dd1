"""The access logs of Apache, nginx, Varnish and their relatives: common and combined, with what people add to them."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import NO_CONTEXT, Context, Parsed, Sample, rejected
from storage.formats import _access, _access_lines, _times, apache_error, nginx_error
from storage.formats._cells import patched, present, share
from storage.formats._lines import LineFormat

_ADDRESS = r"^\[?[0-9A-Fa-f:.]*[.:][0-9A-Fa-f:.]*\]?$"
_LINE = r"\[\d{1,2}/[A-Z][a-z]{2}/\d{4}[: ]\d\d:\d\d:\d\d [+-]\d{4}\] \""
_ERROR_LOG = rf"{nginx_error.START}|{apache_error.START}"
_LOOSE = (
    r"^(?P<head>[^\"]*?\]) \"(?P<request>.*)\" (?P<numbers>(?:\d{3}|-) (?:\d+|-)[^\"]*?)"
    r"(?: ?\"(?P<referer>[^\"]*)\" \"(?P<agent>[^\"]*)\"(?P<extra>.*))?$"
)


class Combined(LineFormat):
    """`[vhost] client ident user [time] "request" status bytes ["referer" "agent"] [timings and ids]`.

    Lines of nginx's or Apache's error log among them (a container writes both to one stream) become log records.
    """

    name: ClassVar[str] = "combined"
    title: ClassVar[str] = "nginx, Apache and Varnish access log, common or combined, with trailing timings and ids"
    tables: ClassVar[tuple[str, ...]] = ("requests", "logs")
    specificity: ClassVar[int] = 60
    steps: ClassVar[tuple[str, ...]] = (
        r"[^\[]*\[",
        r"[^\]]*\] ",
        r'"(?:[^"\\]|\\.)*" ',
        r"(?:\d{3}|-)\b",
        r" (?:\d+|-)",
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '203.0.113.7 - ann [22/Nov/2026:16:03:47 +0100] "GET /login?next=%2Fcart HTTP/1.1" 200 17 "-" "curl/8" '
            "0.042 4bf92f3577b34da6a3ce929d0e0e4736\n",
            {"requests": [{
                "ts": "2026-11-22T15:03:47Z", "client_ip": "203.0.113.7", "remote_user": "ann", "method": "GET",
                "path": "/login", "query": "next=%2Fcart", "status": 200, "bytes_sent": 17, "referer": None,
                "user_agent": "curl/8", "duration_ms": 42.0, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }]},
        ),
        Sample(
            "good",
            '::1 - - [22/Nov/2026:16:03:47 +0000] "GET /a HTTP/2.0" 200 17 "-" "x" rt=0.042 uct=- uht=0.1 '
            "urt=0.010, 0.120 cs=MISS\n",
            {"requests": [{"client_ip": "::1", "duration_ms": 42.0, "upstream_ms": 130.0}]},
            "nginx timings by name; the upstream was tried twice",
        ),
        Sample(
            "edge",
            'shop.example:443 10.0.0.9 - - [02/Mar/2026:09:00:00 +0000] "GET /a b?c HTTP/1.0" 404 -\n',
            {"requests": [{"host": "shop.example:443", "client_ip": "10.0.0.9", "path": "/a b", "query": "c",
                           "status": 404, "bytes_sent": None, "user_agent": None}]},
            "a virtual host in front, a blank in the target, no bytes",
        ),
        Sample(
            "edge",
            '10.0.0.9 - - [02/Mar/2026:09:00:00 +0000] "GET /?q=\\"1\\x22 HTTP/1.1" 200 5 "-" "Mo\\"z\\\\" "0.5" "-"\n',
            {"requests": [{"path": "/", "query": 'q="1"', "user_agent": 'Mo"z\\', "duration_ms": 500.0}]},
            "escaped quotes",
        ),
        Sample(
            "edge",
            '10.0.0.9 - - [02/Mar/2026:09:00:00 +0000] "\\x16\\x03\\x01" 400 157 "-" "-"\n'
            '10.0.0.9 - - [02/Mar/2026:09:00:01 +0000] "" 400 0 "-" "-"\n',
            {"requests": [{"method": None, "path": "\\x16\\x03\\x01", "status": 400}, {"method": None, "path": ""}]},
            "a TLS handshake on a plain port, and nothing at all",
        ),
        Sample(
            "edge",
            '10.0.0.9 - - [02/Mar/2026:09:00:00 +0000] "GET /"x" HTTP/1.1" 200 5 "-" "-" 1234\n',
            {"requests": [{"path": '/"x"', "status": 200, "bytes_sent": 5, "duration_ms": 1.234}]},
            "raw quotes in the request; Apache's %D",
        ),
        Sample(
            "edge",
            "2025/12/17 19:37:12 [error] 1#1: *2 open() failed, client: 10.0.0.9\n"
            '10.0.0.9 - a [b] [02/Mar/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n',
            {"requests": [{"remote_user": "a [b]"}], "logs": [{"message": "open() failed"}]},
            "nginx's error log in the same stream; a bracket in a user's name",
        ),
        Sample("reject", "something else entirely\n"),
        Sample("reject", '10.0.0.9 - - [99/Mar/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 5\n'),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """The share of lines with one to six words, a bracketed time and a quoted request."""
        return share(head, rf"^(?:\S+ +){{1,6}}{_LINE}")

    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:
        """Regular lines by the places of their quotes, the others by their rules."""
        flags, quick = _access_lines.regular(records["record"])
        mask = pl.Series(flags)
        rows = _finished(records["byte_offset"].filter(mask), quick)
        if mask.all():
            return Parsed({"requests": rows}, rejected(records.clear(), ""))
        rest = super().parse(records.filter(~mask), final=final, context=context)
        parts = [rows] + [rest.frames["requests"]] * ("requests" in rest.frames)
        whole = pl.concat(parts, how="diagonal").sort("byte_offset")
        return Parsed({**rest.frames, "requests": whole}, rest.rejects)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Cut at the quotes; the few lines that do not fit are read again by a pattern."""
        line = records["record"]
        escaped = line.str.contains("\\", literal=True).any()
        line = _access.hide_escapes(line) if escaped else line
        fields = _fields(line)
        rows = _typed(records.select("byte_offset").hstack(fields), context)
        rows = _access.show_escapes(rows) if escaped else rows
        good = rows["ts"].is_not_null() & fields["request"].is_not_null()
        if good.all():
            return Parsed({"requests": rows}, rejected(records.clear(), ""))
        why = (
            pl.when(pl.col("head").is_null()).then(pl.lit("no time in [brackets] before the request"))
            .when(pl.col("request").is_null()).then(pl.lit("no request in quotes followed by a status"))
            .otherwise(pl.lit("the time in brackets cannot be read"))
        )  # fmt: skip
        bad = records.hstack(fields).filter(~good)
        frames = {"requests": rows.filter(good)}
        if bad.height and bad["record"].str.contains(_ERROR_LOG).any():
            said = [other.logs(bad, context) for other in (nginx_error, apache_error)]
            frames["logs"] = pl.concat(said, how="diagonal").sort("byte_offset")
            bad = bad.join(frames["logs"].select("byte_offset"), on="byte_offset", how="anti", maintain_order="left")
        return Parsed(frames, rejected(bad, why))


def _finished(byte_offset: pl.Series, quick: pl.DataFrame) -> pl.DataFrame:
    """Regular lines as `requests`, with what trails them."""
    more = quick["extra"]
    nobody = (pl.lit(None, dtype=pl.String).alias(name) for name in ("host", "remote_user"))
    rows = quick.drop("extra").with_columns(byte_offset, *nobody)
    return rows.hstack(_access.trailed(more)) if (more != "").any() else rows


def _fields(line: pl.Series) -> pl.DataFrame:
    """The texts between the quotes: head, request, numbers, referer, agent, extra."""
    names = ("head", "request", "numbers", "referer", "gap", "agent", "extra")
    cut = line.str.splitn('"', 7).struct.rename_fields(list(names)).struct.unnest()
    fits = cut.select(
        pl.col("head").str.ends_with("] ")
        & pl.col("numbers").str.contains(r"^ (?:\d{3}|-)(?: (?:\d+|-)|$)")
        & (pl.col("gap").is_null() | (pl.col("gap") == " ") | (pl.col("gap") == ""))
        & (pl.col("referer").is_null() | pl.col("agent").is_not_null())
    ).to_series().fill_null(False)  # fmt: skip
    cut = cut.drop("gap")
    split_agent = cut["extra"].str.count_matches('"', literal=True) % 2 == 1
    if split_agent.any():  # a raw quote in the agent: it ends at the last one
        whole = (pl.col("agent") + '"' + pl.col("extra")).str.extract_groups(r'^(?P<agent>.*)"(?P<extra>[^"]*)$')
        cut = patched(cut, split_agent, cut.filter(split_agent).select(whole.alias("whole")).unnest("whole"))
    if fits.all():
        return cut
    odd = line.filter(~fits).alias("line").to_frame()
    loose = odd.select(pl.col("line").str.extract_groups(_LOOSE)).unnest("line")
    known_head = pl.coalesce("head", odd["line"].str.extract(r"^([^\"]*\]) ?(?:\"|$)"))
    return patched(cut, ~fits, loose.with_columns(known_head, pl.lit(" ").add(pl.col("numbers")).alias("numbers")))


def _typed(fields: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Columns of `requests` from the cut texts."""
    opened = pl.col("head").str.splitn("[", 2)
    if fields["head"].str.count_matches("[", literal=True).gt(1).any():  # a bracket in the user's name
        opened = pl.col("head").str.extract_groups(r"^(?P<field_0>.*)\[(?P<field_1>[^\[]*)$")
    parts = fields.select(
        "byte_offset", "referer", "agent", "extra",
        opened.struct.rename_fields(["who", "when"]).alias("opened"),
        pl.col("numbers").str.strip_chars(" ").str.splitn(" ", 3).struct.rename_fields(["code", "bytes", "more"]),
    ).unnest("opened", "numbers")  # fmt: skip
    code = pl.col("code").cast(pl.Int16, strict=False)
    frame = parts.select(
        "byte_offset",
        pl.col("who").str.strip_chars_end(" "),
        pl.col("when").str.strip_chars_end("] "),
        pl.when(code.is_between(1, 999)).then(code).alias("status"),
        pl.col("bytes").cast(pl.Int64, strict=False).alias("bytes_sent"),
        present(pl.col("referer")).alias("referer"),
        present(pl.col("agent")).alias("user_agent"),
        pl.col("more").str.strip_chars_end(" "),
        pl.col("extra").str.strip_chars(" "),
    )
    more = frame.select(
        pl.when(pl.col("more").is_null()).then(pl.col("extra").fill_null(""))
        .otherwise(pl.concat_str("more", "extra", separator=" ", ignore_nulls=True))
    ).to_series()  # fmt: skip
    times = _times.clf(frame["when"])
    if times.null_count() > frame["when"].null_count():
        times = times.fill_null(_times.anything(frame["when"].set(times.is_not_null(), None), context))
    typed = frame.drop("who", "when", "more", "extra").with_columns(times.alias("ts"))
    typed = typed.hstack(_who(frame["who"])).hstack(_access.requests(fields["request"]))
    return typed.hstack(_access.trailed(more)) if (more != "").any() else typed


def _who(who: pl.Series) -> pl.DataFrame:
    """`host`, `client_ip` and `remote_user` of `[vhost] client ident user`; a user may hold blanks.

    With more than three words the client is the second one if only that looks like an address.
    """
    word = [f"field_{i}" for i in range(4)]
    cut = who.str.splitn(" ", 4).struct.unnest()
    if cut["field_3"].null_count() == cut.height:
        return cut.select(
            pl.lit(None, dtype=pl.String).alias("host"), present(pl.col(word[0])).alias("client_ip"),
            present(pl.col(word[2])).alias("remote_user"),
        )  # fmt: skip
    first, second, third, rest = (pl.col(name) for name in word)
    led = rest.is_not_null() & second.str.contains(_ADDRESS) & ~first.str.contains(_ADDRESS)
    user = pl.when(rest.is_null()).then(third).when(led).then(rest).otherwise(third + " " + rest)
    return cut.select(
        pl.when(led).then(present(first)).alias("host"),
        present(pl.when(led).then(second).otherwise(first)).alias("client_ip"),
        present(user.str.strip_prefix("- ").str.strip_suffix(" -")).alias("remote_user"),
    )
