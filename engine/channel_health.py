"""Whether people can be told: each channel with how its notices fared, and a notice sent to try it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from engine.channel import Channel, DeliveryError, Notice
from storage.clock import rfc3339
from storage.sql import Reader


def health(reader: Reader, channels: Sequence[Channel]) -> pl.DataFrame:
    """A row a channel, configured now or once used: notices by state, the newest delivery, the newest error.

    `state` is delivered, queued, dead, ... as of its newest notice, or unused.
    """
    configured = pl.DataFrame(
        {"channel": [c.label for c in channels], "kind": [c.name for c in channels],
         "min_severity": [c.routing.min_severity for c in channels]},
        schema={"channel": pl.String, "kind": pl.String, "min_severity": pl.String},
    )  # fmt: skip
    used = reader.query(
        "SELECT channel, arg_max(state, id) AS state, count(*) FILTER (state = 'delivered') AS delivered,"
        " count(*) FILTER (state IN ('queued', 'sending')) AS queued, count(*) FILTER (state = 'digest') AS held_back,"
        " count(*) FILTER (state = 'dead') AS dead, max(CAST(delivered_ts AS TIMESTAMPTZ)) AS last_delivered,"
        " arg_max(last_error, id) AS last_error FROM outbox GROUP BY channel"
    )
    return (
        configured.join(used, on="channel", how="full", coalesce=True)
        .with_columns(pl.col("state").fill_null("unused"))
        .sort("channel")
    )


def send_test(channels: Sequence[Channel], now: datetime) -> list[dict[str, Any]]:
    """Send a test notice through each channel at once, past the outbox; a row each: delivered, or failed and why."""
    rows = []
    for channel in channels:
        notice = Notice(
            f"test-{channel.label}-{rfc3339(now)}", "test", "info", "watchroom: a test notice",
            ("if you read this, the channel works",), "test", rfc3339(now),
        )  # fmt: skip
        error = None
        try:
            channel.send(notice)
        except DeliveryError as failure:
            error = str(failure)
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
        rows.append({"channel": channel.label, "kind": channel.name, "state": "failed" if error else "delivered",
                     "error": error})  # fmt: skip
    return rows
