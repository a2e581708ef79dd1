"""Guessing passwords: quickly, slowly, and from many addresses at one login.

A person mistypes, then gets in or gives up; a guesser fails again and again. fail2ban's default is five failures in ten
minutes; here no success may lie between them, so that an office behind one address stays quiet.
"""

from __future__ import annotations

import polars as pl

from engine.waf.parts import PARTS, as_parts, part

_SENDS = pl.col("method").is_in(["POST", "PUT"]).fill_null(False)
_STATUS = pl.col("status")
_REFUSED = _STATUS.is_between(400, 499) & (_STATUS != 429)
_FORM_AGAIN = (_STATUS == 200) & pl.col("is_login_form") & ~pl.col("is_api")
FAILED_LOGIN = (
    (_SENDS & pl.col("is_login") & (_REFUSED | _FORM_AGAIN))
    | ((_STATUS == 401) & (_SENDS | pl.col("remote_user").is_not_null()))
    | ((_STATUS == 403) & _SENDS)
).fill_null(False)
"""An attempt to log in that was turned down, or answered with the form again (status 200 outside an API)."""
LOGGED_IN = (
    _SENDS & pl.col("is_login") & (_STATUS.is_in([201, 204, 302, 303]) | ((_STATUS == 200) & pl.col("is_api")))
).fill_null(False)

MINUTES = 10
FEW = 5
"""Failures within MINUTES and no success that make slow guessing (fail2ban: maxretry 5, findtime 10m)."""
CLIENTS = 4
"""Clients that each fail twice or more and never get in within MINUTES at one path: a shared effort."""


def logins(events: pl.DataFrame) -> pl.DataFrame:
    """How often a client failed or got in (`failed`, `got_in`), a path and minute."""
    return (
        events.filter(FAILED_LOGIN | LOGGED_IN)
        .group_by("client", "path", "minute", maintain_order=True)
        .agg(
            FAILED_LOGIN.sum().cast(pl.Int64).alias("failed"),
            LOGGED_IN.sum().cast(pl.Int64).alias("got_in"),
            pl.col("target").first(),
        )
    )


def guessing(tries: pl.DataFrame) -> pl.DataFrame:
    """PARTS for slow and for distributed guessing, in the minutes in which a client failed; `tries` from `logins`."""
    if tries.is_empty():
        return pl.DataFrame(schema=PARTS)
    reach = pl.datetime_ranges("minute", pl.col("minute") + pl.duration(minutes=MINUTES - 1), interval="1m")
    lately = (
        tries.select("client", "path", "failed", "got_in", reach.alias("minute"))
        .explode("minute")
        .group_by("client", "path", "minute")
        .agg(pl.col("failed", "got_in").sum())
        .rename({"failed": "lately_failed", "got_in": "lately_got_in"})
    )
    together = (
        lately.filter((pl.col("lately_failed") >= 2) & (pl.col("lately_got_in") == 0))
        .group_by("path", "minute")
        .agg(pl.len().alias("clients"))
    )
    now = (
        tries.filter(pl.col("failed") > 0)
        .join(lately, on=["client", "path", "minute"])
        .join(together, on=["path", "minute"], how="left")
        .filter(pl.col("lately_got_in") == 0)
        .sort("client", "minute", "path")
        .with_columns(pl.concat_list("target").alias("requests"))
    )
    slow = now.filter(pl.col("lately_failed") >= FEW)
    shared = now.filter((pl.col("clients") >= CLIENTS) & (pl.col("lately_failed") >= 2))
    said = "slow password guessing: {} failed logins in ten minutes and none that worked"
    said_shared = "distributed password guessing: one of {} clients that keep failing to log in here"
    many = (pl.col("lately_failed") / 40).clip(0, 0.2)
    own = as_parts(slow, part("slow-guessing", 0.65 + many, pl.format(said, "lately_failed")))
    joint = as_parts(shared, part("distributed-guessing", pl.lit(0.6), pl.format(said_shared, "clients")))
    return pl.concat([own, joint])
