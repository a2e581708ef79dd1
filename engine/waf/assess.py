"""The detector's two steps: requests to figures and evidence, evidence to a score that explains itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from engine.waf.behaviour import found
from engine.waf.crowds import crowds
from engine.waf.events import UNKNOWN_CLIENT, prepared
from engine.waf.guessing import guessing, logins
from engine.waf.habits import habits, with_habits
from engine.waf.model import PayloadModel, shipped_model
from engine.waf.payloads import with_payloads
from engine.waf.traffic import LACKING, minutes
from engine.waf.verdict import payload_parts, weighed

CHUNK_ROWS = 300_000
"""Requests worked on at a time, 200 MB with their marks and tables; a client's requests stay together."""
FIGURES = (
    "requests", "distinct_targets", "path_entropy_bits", "query_entropy_bits", "user_agents", "gap_variation",
    "share_4xx", "share_5xx", "share_not_get", "methods", "share_static", "payload_p", "payload_requests", "evidence_p",
    "earlier", "good_bot", "tool",
)  # fmt: skip


def assessed(
    requests: pl.LazyFrame, model: PayloadModel | None = None, since: datetime | None = None
) -> pl.DataFrame:  # fmt: skip
    """One row a client and minute: subject, window, FIGURES, `likelihood`, `parts` and `lacked`.

    With `since` only of clients that asked for something in a minute that ends then or later.
    """
    model = model or shipped_model()
    known = habits(requests)
    rows, parts, tries = [], [crowds(requests)], []
    if since is not None:
        requests, others = _active(requests, since)
        tries.append(logins(prepared(others)))
    for chunk in _chunks(requests):
        events = with_habits(with_payloads(prepared(chunk), model), known)
        rows.append(minutes(events))
        parts += [payload_parts(events), found(events)]
        tries.append(logins(events))
    together = weighed(pl.concat(rows), pl.concat([*parts, guessing(pl.concat(tries))]))
    lacked = pl.concat_list(pl.when(pl.col(f"no_{name}")).then(pl.lit(name)) for name in LACKING).list.drop_nulls()
    return together.select(
        pl.col("client").alias("subject"),
        pl.col("minute").alias("window_start"),
        (pl.col("minute") + pl.duration(minutes=1)).alias("window_end"),
        *FIGURES,
        pl.col("score").alias("likelihood"),
        pl.col("parts").fill_null([]),
        lacked.alias("lacked"),
    ).sort("subject", "window_start")


def _active(requests: pl.LazyFrame, since: datetime) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The requests of clients that are still there, and of the others what may be a try to log in."""
    client = pl.col("client_ip").fill_null(UNKNOWN_CLIENT)
    here = requests.filter(pl.col("ts") >= since - timedelta(minutes=1)).select(client.alias("client")).unique()
    names = here.collect()["client"]
    active = client.is_in(names.implode())
    tries = pl.col("method").is_in(["POST", "PUT"]) | (pl.col("status") == 401)
    return requests.filter(active), requests.filter(~active & tries)


def _chunks(requests: pl.LazyFrame) -> Iterator[pl.LazyFrame]:
    """`requests` by groups of clients, about CHUNK_ROWS at a time, so that memory does not grow with the log."""
    parts = -(-requests.select(pl.len()).collect().item() // CHUNK_ROWS)
    if parts <= 1:
        yield requests
        return
    of = pl.col("client_ip").fill_null("").hash(seed=7) % parts
    for number in range(parts):
        yield requests.filter(of == number)


def told(features: pl.LazyFrame) -> pl.LazyFrame:
    """`features` with `score`, `reason` and `evidence`."""
    first = pl.col("parts").list.head(3).list.eval(pl.element().struct.field("words")).list.join("; ")
    past = pl.when(pl.col("earlier") > 0).then(pl.lit("; attacked in the minutes before")).otherwise(pl.lit(""))
    quiet = pl.format("nothing suspicious in {} requests", "requests")
    reason = pl.when(pl.col("parts").list.len() > 0).then(first + past).otherwise(quiet)
    return features.with_columns(
        pl.col("likelihood").alias("score"),
        reason.alias("reason"),
        pl.struct("parts", "lacked").struct.json_encode().alias("evidence"),
    )
