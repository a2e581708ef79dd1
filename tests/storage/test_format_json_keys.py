"""JSON lines by the keys that people use: the quick way and the thorough one see the same."""

from __future__ import annotations

import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.formats import _json
from storage.formats._cells import present

KEYS = {"when": ("time", "ts"), "said": ("msg", "message", "a.b"), "status": ("status",)}
_NAMES = st.sampled_from(["time", "ts", "msg", "message", "a.b", "status", "other", "Time", "", "x y", "is_object"])
_VALUES = st.sampled_from(
    ["", "-", "text", 'a":b', "\u00e4", None, 1, 2.5, True, {"msg": "in"}, [1], {"ts": {"msg": 1}}]
)
_OBJECTS = st.dictionaries(_NAMES, _VALUES, max_size=5).map(json.dumps)
_ODD = ["", "no json", "[1]", '{"ts":1,"ts":2}', '{"ts" : 1, "msg":"x"}', '{"ts":1']
_LINES = st.one_of(_OBJECTS, st.sampled_from(_ODD))


def thoroughly(lines: pl.Series) -> pl.DataFrame:
    """Every line decoded by every key."""
    seen = _json.decode(lines, _json.texts(*dict.fromkeys(key for names in KEYS.values() for key in names)))
    cells = (pl.coalesce(present(pl.col(key)) for key in names).alias(name) for name, names in KEYS.items())
    return seen.select("is_object", *cells)


@settings(max_examples=40, deadline=None)
@given(st.lists(_LINES, max_size=6), _OBJECTS)
def test_lines_read_by_position_are_what_decoding_gives(lines: list[str], often: str) -> None:
    """Other keys, nested objects, keys twice, damaged lines, whatever the other lines are like."""
    series = pl.Series("record", [often, *lines, often], dtype=pl.String)
    assert _json.coalesced(series, KEYS).rows() == thoroughly(series).rows()
