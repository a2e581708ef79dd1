"""How a unit is written, whatever it says: lengths, shares and counts of signs. Few numbers, the same for any site."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

SIGNS = ("'", '"', "`", "<", ">", "(", ")", ";", "|", "&", "$", "{", "}", "[", "\\", "/", "%", "*", "=", "+", "#", "@", ",", ":", "!", "?", "^", "~")
NAMES = (
    "length", "letters", "digits", "spaces", "foreign", "odd_signs", "kinds_of_signs", "dots_in_a_row", "dashes_in_a_row",
    *(f"count_{sign}" for sign in SIGNS),
)  # fmt: skip
MAX_CHARS = 4_096
"""The shape of a unit is that of its first so many characters."""

Matrix = npt.NDArray[np.float32]


def value_of(text: pl.Expr) -> pl.Expr:
    """`text` without the argument's name in front."""
    return text.str.replace(r"^[\w.\-\[\]]{1,64}=", "")


def lexical(text: pl.Series) -> Matrix:
    """One row a text, one column a name of NAMES; counts and lengths as log(1 + n), shares 0..1."""
    frame = text.alias("t").to_frame().select(value_of(pl.col("t")).str.head(MAX_CHARS).alias("t"))
    t = pl.col("t")
    length = t.str.len_chars().clip(1)
    counts = [t.str.count_matches(sign, literal=True).alias(f"count_{sign}") for sign in SIGNS]
    read = frame.select(
        t.str.len_chars().log1p().alias("length"),
        (t.str.count_matches(r"[a-z]") / length).alias("letters"),
        (t.str.count_matches(r"[0-9]") / length).alias("digits"),
        (t.str.count_matches(r"\s") / length).alias("spaces"),
        (t.str.count_matches(r"[^\x00-\x7f]") / length).alias("foreign"),
        (t.str.count_matches(r"[^\w\s.,:/?&=+@-]") / length).alias("odd_signs"),
        pl.sum_horizontal(count > 0 for count in counts).sqrt().alias("kinds_of_signs"),
        t.str.count_matches(r"\.\.").log1p().alias("dots_in_a_row"),
        t.str.count_matches(r"--").log1p().alias("dashes_in_a_row"),
        *(count.log1p() for count in counts),
    )
    return read.cast(pl.Float32).to_numpy().reshape(text.len(), len(NAMES))
