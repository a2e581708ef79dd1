"""How sure a loop is N+1: a logistic over seven features that a person can check by hand, and two that field knowledge adds.

    z = BIAS + sum(weight * feature),  p = 1 / (1 + exp(-z)),  a trace's score = the highest p of its loops

How the weights came about: a prior from what the peers' users say (docs/detectors/n1-detector.md), then maximum a posteriori
over 381 labelled traces of five projects (Redmine, django-zeal, Bullet, Prosopite, nplusone), each also without call sites,
without parameters and with its values written into the text, the loop of the highest p standing for its trace; rounded to 0.1.
With one project left out at a time F1 on that project is Redmine 0.91, zeal 0.87, Bullet 0.81, Prosopite 1.0. `writes`,
`settings` and `few_veiled` are prior alone: no public set holds enough of such cases.
"""

from __future__ import annotations

import polars as pl

FEW = 5
"""Different values from which a loop needs no further proof; every peer that only counts starts here (Sentry, perf-sentinel,
Scout, AppMap)."""

BIAS = -4.8
WEIGHTS: dict[str, float] = {
    "doublings": 1.2,
    "long": 2.2,
    "adjacent": 1.7,
    "few_share": 4.0,
    "few_veiled": -1.5,
    "orphan": -0.9,
    "by_name": -3.5,
    "settings": -1.5,
    "writes": -2.0,
}
"""What each feature adds to z; `FEATURES` says what they are."""

MAX_DOUBLINGS = 5.0
"""More than 32 repeats are no surer than 32."""

NO_LOOP = 0.008
"""Score of a trace without any repetition: the logistic of `BIAS`."""

_SETTINGS = r"(?i)(^|[._])(setting|config|configuration|preference|option|feature|flag|flipper|toggle|translation|locale|parameter|param|registry|variable)[a-z_]*s?$"


def repeats() -> pl.Expr:
    """Different values of a loop; where none were logged, its statements less one, for one row may have been asked twice."""
    return pl.coalesce(pl.col("distinct"), pl.col("n") - 1).cast(pl.Float64)


def features() -> dict[str, pl.Expr]:
    """The features of a loop by name, over the columns of `engine.n1.loops` plus `key_kind`, `table` and `unit_n`."""
    few = repeats() < FEW
    fed = pl.col("relation").is_not_null()
    return {
        "doublings": repeats().log(2).clip(0.0, MAX_DOUBLINGS),
        "long": (~few).cast(pl.Float64),
        "adjacent": pl.col("near") / (pl.col("n") - 1),
        "few_share": pl.when(few & fed & (repeats() >= 2)).then(pl.col("n") / pl.col("unit_n")).otherwise(0.0),
        "few_veiled": (few & pl.col("distinct").is_null()).cast(pl.Float64),
        "orphan": (~fed).cast(pl.Float64),
        "by_name": pl.col("key_kind").is_in(["natural", "none"]).cast(pl.Float64),
        "settings": pl.col("table").str.contains(_SETTINGS).cast(pl.Float64),
        "writes": (pl.col("writes") / (pl.col("n") - 1)).clip(0.0, 1.0),
    }


def probability() -> pl.Expr:
    """p of a loop over its feature columns; a validation and one value asked again and again are no loop at all."""
    z = pl.lit(BIAS) + pl.sum_horizontal(weight * pl.col(name) for name, weight in WEIGHTS.items())
    loop = (pl.col("shape") != "validation") & (repeats() >= 2)
    return pl.when(loop).then(1.0 / (1.0 + (-z).exp())).otherwise(NO_LOOP)
