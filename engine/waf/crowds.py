"""A flood from many addresses: unknown clients, all at once on one page, each far more often than people ask.

A success brings many clients that ask once or twice, an outage's end brings back clients that were there before; a
flood brings new ones that repeat themselves. Told for the first ten minutes, while its clients are new.
"""

from __future__ import annotations

import polars as pl

from engine.waf.marks import is_static
from engine.waf.parts import PARTS, as_parts, part

OFTEN = 30
"""Requests a minute to one page that no person makes: one every two seconds."""
CLIENTS = 10
"""Clients that do so in one minute."""
QUIET = 0.1
"""The minute before the flood had less than this share of the page's requests."""
MINUTES, KNOWN_MINUTES = 10, 30
"""A client is new to a page if it did not ask for it more than ten and up to thirty minutes ago."""
WEIGHT = 0.6
_PAGE = ["path", "minute"]


def crowds(requests: pl.LazyFrame) -> pl.DataFrame:
    """PARTS of distributed floods, one for each client and minute."""
    asked = requests.filter(
        pl.col("client_ip").is_not_null() & pl.col("path").is_not_null() & pl.col("ts").is_not_null()
    ).select(pl.col("client_ip").alias("client"), "path", pl.col("ts").dt.truncate("1m").alias("minute"))
    often = (
        asked.group_by("client", *_PAGE)
        .agg(pl.len().alias("times"))
        .filter(pl.col("times") >= OFTEN)
        .collect(engine="streaming")
    )
    pages = often.group_by(_PAGE).agg(pl.len().alias("clients")).filter(pl.col("clients") >= CLIENTS)
    pages = pages.filter(~is_static(pl.col("path")))
    if pages.is_empty():
        return pl.DataFrame(schema=PARTS)
    there = asked.join(pages.lazy().select("path").unique(), on="path", how="semi")
    each = there.group_by("client", *_PAGE).agg(pl.len().alias("times")).collect(engine="streaming")
    alive = asked.select("minute").unique().collect(engine="streaming")
    sudden = pages.join(_sudden(each, alive), on=_PAGE, how="semi")
    found = often.join(sudden, on=_PAGE).join(_known(each), on=["client", *_PAGE], how="anti")
    said = "distributed flood: one of {} clients that ask for one page {} times a minute and more"
    words = pl.format(said, "clients", pl.lit(OFTEN))
    shown = found.sort("client", "minute", "path").with_columns(pl.concat_list("path").alias("requests"))
    return as_parts(shown, part("distributed-flood", pl.lit(WEIGHT), words))


def _sudden(each: pl.DataFrame, alive: pl.DataFrame) -> pl.DataFrame:
    """Pages' minutes at which, or within MINUTES before, requests rose tenfold at once while the log went on."""
    total = each.group_by(_PAGE).agg(pl.col("times").sum().alias("total"))
    a_minute = pl.duration(minutes=1)
    rose = (
        total.filter(pl.col("total") >= CLIENTS * OFTEN)
        .join(total.select("path", pl.col("minute") + a_minute, pl.col("total").alias("then")), on=_PAGE, how="left")
        .join(alive.select(pl.col("minute") + a_minute), on="minute", how="semi")
        .filter(pl.col("then").fill_null(0) < pl.col("total") * QUIET)
    )
    stop = pl.col("minute") + pl.duration(minutes=MINUTES - 1)
    lasting = pl.datetime_ranges("minute", stop, interval="1m")
    return rose.select("path", lasting.alias("minute")).explode("minute").unique()


def _known(each: pl.DataFrame) -> pl.DataFrame:
    """Clients, pages and minutes at which the client is no longer new to the page."""
    start, stop = pl.duration(minutes=MINUTES + 1), pl.duration(minutes=KNOWN_MINUTES)
    later = pl.datetime_ranges(pl.col("minute") + start, pl.col("minute") + stop, interval="1m")
    return each.select("client", "path", later.alias("minute")).explode("minute").unique()
