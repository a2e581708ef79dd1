"""The detector's two steps: requests to figures and evidence, evidence to a score that explains itself."""

from __future__ import annotations

import polars as pl

from engine.waf.behaviour import found
from engine.waf.events import prepared
from engine.waf.model import PayloadModel, shipped_model
from engine.waf.payloads import with_payloads
from engine.waf.traffic import LACKING, minutes
from engine.waf.verdict import payload_parts, weighed

FIGURES = (
    "requests", "distinct_targets", "path_entropy_bits", "query_entropy_bits", "user_agents", "gap_variation", "share_4xx",
    "share_5xx", "share_not_get", "methods", "share_static", "payload_p", "payload_requests", "evidence_p", "earlier",
    "good_bot", "tool",
)  # fmt: skip


def assessed(requests: pl.LazyFrame, model: PayloadModel | None = None) -> pl.DataFrame:
    """One row a client and minute: subject, window, FIGURES, `likelihood`, `parts` and `lacked`."""
    events = with_payloads(prepared(requests), model or shipped_model())
    parts = pl.concat([payload_parts(events), found(events)])
    rows = weighed(minutes(events), parts)
    lacked = pl.concat_list(
        pl.when(pl.col(f"no_{name}")).then(pl.lit(name)) for name in LACKING
    ).list.drop_nulls()
    return rows.select(
        pl.col("client").alias("subject"),
        pl.col("minute").alias("window_start"),
        (pl.col("minute") + pl.duration(minutes=1)).alias("window_end"),
        *FIGURES,
        pl.col("score").alias("likelihood"),
        pl.col("parts").fill_null([]),
        lacked.alias("lacked"),
    )


def told(features: pl.LazyFrame) -> pl.LazyFrame:
    """`features` with `score`, `reason` and `evidence`."""
    first = pl.col("parts").list.eval(pl.element().struct.field("words")).list.head(3).list.join("; ")
    past = pl.when(pl.col("earlier") > 0).then(pl.lit("; attacked in the minutes before")).otherwise(pl.lit(""))
    quiet = pl.lit("nothing suspicious in ") + pl.col("requests").cast(pl.String) + pl.lit(" requests")
    reason = pl.when(pl.col("parts").list.len() > 0).then(first + past).otherwise(quiet)
    return features.with_columns(
        pl.col("likelihood").alias("score"),
        reason.alias("reason"),
        pl.struct("parts", "lacked").struct.json_encode().alias("evidence"),
    )
