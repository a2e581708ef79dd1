"""The logistic that weighs a loop."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from engine.n1 import model

LOOP: dict[str, Any] = {
    "unit": 1, "n": 8, "distinct": 8, "near": 7, "written": 0, "relation": 3, "unit_n": 9, "traced": True,
    "key_kind": "own", "table": "users", "shape": "lookup",
}  # fmt: skip


def p(*others: dict[str, Any], **changes: Any) -> float:
    rows = [LOOP | changes, *(LOOP | other for other in others)]
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("distinct").cast(pl.Int64), pl.col("relation").cast(pl.Int64)
    )
    measured = frame.with_columns(expression.alias(name) for name, expression in model.measured().items())
    return float(measured.select(model.probability())["literal"][0])


def test_it_is_the_sum_that_its_docstring_says() -> None:
    z = model.BIAS + 3 * model.WEIGHTS["doublings"] + model.WEIGHTS["long"] + model.WEIGHTS["adjacent"]
    assert p() == pytest.approx(1 / (1 + math.exp(-z)))
    assert pytest.approx(1 / (1 + math.exp(-model.BIAS)), abs=1e-3) == model.NO_LOOP


@pytest.mark.parametrize(
    "less",
    [
        {"n": 6, "distinct": 6, "near": 5}, {"near": 2}, {"relation": None}, {"relation": None, "traced": False},
        {"key_kind": "natural"}, {"written": 7},
        {"key_kind": "natural", "table": "settings"}, {"distinct": None, "n": 5, "near": 4}, {"shape": "validation"},
        {"distinct": 1},
    ],
)  # fmt: skip
def test_each_doubt_lowers_it(less: dict[str, Any]) -> None:
    assert p(**less) < p()


def test_few_repeats_count_by_their_share_of_the_request() -> None:
    few = {"n": 2, "distinct": 2, "near": 1}
    assert p(**few, unit_n=3) > 0.5 > p(**few, unit_n=20)


def test_a_polymorphic_list_adds_up() -> None:
    few = {"n": 2, "distinct": 2, "near": 1, "unit_n": 7}
    assert p(few, few, **few) > p(**few)


def test_two_gets_without_a_list_are_no_loop_but_three_may_be() -> None:
    alone = {"relation": None, "unit_n": 3}
    assert p(n=2, distinct=2, near=1, **alone) < 0.5 < p(n=3, distinct=3, near=2, **alone)
