"""Markdown is a table of the same rows: text of a log stays text in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.output import Output, emit, emit_one


def test_text_of_a_log_cannot_leave_its_cell_nor_become_markup(capsys: pytest.CaptureFixture[str]) -> None:
    emit([{"path": "/a|b <img src=x> [x](y) `z` *w* &lt; \\ \x1b[2J\n| c |", "n": 1}], Output.markdown)
    head, rule, row = capsys.readouterr().out.splitlines()
    assert (head, rule) == ("| path | n |", "| --- | --- |")
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    assert "\x1b" not in row
    assert not re.search(r"(?<!\\)[<`*\[&]", row)


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_row_has_as_many_cells_as_columns_whatever_is_in_it(texts: list[str]) -> None:
    from contextlib import redirect_stdout
    from io import StringIO

    printed = StringIO()
    with redirect_stdout(printed):
        emit([{f"c{i}": text for i, text in enumerate(texts)}], Output.markdown)
    lines = printed.getvalue().split("\n")
    assert len(lines) == 4
    bare = re.sub(r"\\.", "", lines[2])
    assert bare.count("|") == len(texts) + 1


def test_a_single_thing_is_a_table_of_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    emit_one({"model": "n1-detector", "share": 0.12345, "when": None}, Output.markdown)
    assert capsys.readouterr().out.splitlines()[2:] == ["| model | n1-detector |", "| share | 0.123 |", "| when | - |"]


def test_a_row_of_figures_is_drawn_for_people_and_given_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"trend": [0.9, None, 0.1], "settings": [1, 2]}]
    emit(rows, Output.table)
    emit(rows, Output.json)
    table, _, data = capsys.readouterr().out.partition("[{")
    assert "█ ▁" in table
    assert "[1, 2]" in table
    assert '"trend": [0.9, null, 0.1]' in data
