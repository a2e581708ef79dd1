"""A site's own requests with their truth, from what landed: what the payload model can learn from besides data sets.

Labels speak of a client in a minute. In a minute called malicious a client may also have asked for harmless things, so
training counts only those of its texts that show a signal; all texts of a harmless minute are honest.
"""

from __future__ import annotations

import polars as pl

from storage.errors import InputError
from storage.lake import Lake

MODEL = "waf-behavioral"
TEXTS = ("path", "query", "body", "headers", "referer", "user_agent")


def own_requests(lake: Lake) -> pl.DataFrame:
    """Distinct landed requests that are labelled: TEXTS and `attack` (bool), the newest label of a minute counting.

    Raises InputError where nothing that landed is labelled.
    """
    labels = (
        lake.scan("labels")
        .filter((pl.col("model") == MODEL) & pl.col("truth").is_not_null())
        .sort("ts")
        .unique(["subject", "window_start"], keep="last", maintain_order=True)
        .select("subject", "window_start", pl.col("truth").alias("attack"))
        .collect()
    )
    requests = lake.scan("requests").select(
        pl.col("client_ip").alias("subject"), pl.col("ts").dt.truncate("1m").alias("window_start"), *TEXTS
    )
    by_minute = requests.join(labels.drop_nulls("window_start").lazy(), on=["subject", "window_start"], how="left")
    always = labels.filter(pl.col("window_start").is_null()).select("subject", pl.col("attack").alias("always"))
    judged = by_minute.join(always.lazy(), on="subject", how="left").with_columns(
        pl.coalesce("attack", "always").alias("attack")
    )
    found = judged.filter(pl.col("attack").is_not_null()).select(*TEXTS, "attack").unique(maintain_order=True).collect()
    if found.is_empty():
        raise InputError(
            f"nothing that landed is labelled for {MODEL}; `watchroom label` or a label log gives the truth"
        )
    return found
