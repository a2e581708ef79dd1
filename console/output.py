"""How a command answers: data on stdout as table, markdown, json, jsonl or csv; narration on stderr. The same in all.

A table is for eyes: it may be cut to a number of rows and to the width of the terminal, and says so on stderr; markdown
is the same table for a report. The other forms are for programs: nothing is cut, times are RFC 3339 in UTC, and text
keeps its bytes (JSON escapes them). A row of figures under the name `trend` is drawn as blocks where people read it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from console.cells import printable
from console.fitting import fitted
from console.sparkline import sparkline
from storage.clock import rfc3339

if TYPE_CHECKING:
    import polars as pl

HEADINGS = {"environment": "env", "accuracy_limit": "limit", "limit_value": "limit"}
"""Short headings of a table for long names; the other forms keep the names of the view."""
TABLE_ROWS = 50
"""Rows of a table shown unless `--limit` says otherwise."""


class Output(StrEnum):
    """The forms of an answer."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    markdown = "markdown"


def say(text: str) -> None:
    """One line of narration, to stderr, made printable."""
    print(printable(text), file=sys.stderr, flush=True)


def emit(answer: pl.DataFrame | Sequence[Mapping[str, Any]], output: Output, *, columns: Sequence[str] = (),
         limit: int | None = None, empty: str = "nothing to show") -> None:  # fmt: skip
    """Print an answer. `columns` are those of the table form (the others give all); `limit` 0 shows every row."""
    rows = answer if isinstance(answer, Sequence) else answer.to_dicts()
    if output in (Output.table, Output.markdown):
        _emit_table(rows, columns, TABLE_ROWS if limit is None else limit, empty, output)
        return
    kept = rows[:limit] if limit else rows
    if len(kept) < len(rows):
        say(f"{len(kept)} of {len(rows)} rows given; --limit 0 gives all")
    if output is Output.json:
        print(json.dumps([plain(r) for r in kept], ensure_ascii=True))
    elif output is Output.jsonl:
        sys.stdout.writelines(json.dumps(plain(r), ensure_ascii=True) + "\n" for r in kept)
    else:
        _emit_csv(kept, list(kept[0]) if kept else list(columns))


def emit_one(answer: Mapping[str, Any], output: Output) -> None:
    """Print a single thing: as a list of its fields in the table form, else as one object."""
    if output is Output.markdown:
        emit([{"field": key, "value": cell(value, key)} for key, value in answer.items()], output)
    elif output is Output.table:
        width = max((len(key) for key in answer), default=0)
        for key, value in answer.items():
            print(f"{key:{width}}  {cell(value, key)}")
    elif output is Output.json:
        print(json.dumps(plain(answer)))
    else:
        emit([answer], output)


def cell(value: object, name: str = "") -> str:
    """One value as a person reads it; printable, on one line."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}" if name.endswith(("_ms", "_per_min", "_mb", "_s", "_kb")) else f"{value:.3f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list) and name.endswith("trend"):
        return sparkline(value)
    if isinstance(value, list | tuple) and value and all(isinstance(item, str) for item in value):
        return printable("; ".join(value)).replace("\n", " ")
    if isinstance(value, Mapping | list | tuple):
        return printable(json.dumps(_value(value), ensure_ascii=False))
    return printable(str(value)).replace("\n", " ")


def _emit_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], limit: int, empty: str,
                output: Output) -> None:  # fmt: skip
    if not rows:
        say(empty)
        return
    names = [c for c in columns if c in rows[0]] or list(rows[0])
    shown = rows[:limit] if limit else rows
    texts = [[cell(row.get(name), name) for name in names] for row in shown]
    if len(shown) < len(rows):
        say(f"{len(shown)} of {len(rows):,} rows shown; --limit 0 shows all")
    if output is Output.markdown:
        _emit_markdown(names, texts)
        return
    titles = [HEADINGS.get(name, name) for name in names] if columns else names
    _print_fitted(names, titles, texts, shown)


def _print_fitted(names: Sequence[str], titles: Sequence[str], texts: Sequence[Sequence[str]],
                  rows: Sequence[Mapping[str, Any]]) -> None:  # fmt: skip
    """Print a table; on a terminal as wide as that is. Into a pipe or a file nothing is cut."""
    numeric = [_all_of(rows, name, (int, float)) for name in names]
    solid = [right or _all_of(rows, name, (datetime, date)) for right, name in zip(numeric, names, strict=True)]
    widths = [max(len(title), *(len(t[i]) for t in texts)) for i, title in enumerate(titles)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sum(widths) + 2 * len(widths)
    how = fitted(widths, [not s for s in solid], room)
    for line in (titles, *texts):
        parts = (_pad(line[i], width, numeric[i]) for i, width in zip(how.kept, how.widths, strict=True))
        print((" " * how.gap).join(parts).rstrip())
    left_out = [name for i, name in enumerate(names) if i not in how.kept]
    if left_out:
        say(f"not shown for want of room: {', '.join(left_out)}; a wider terminal or --output json has them")
    if how.is_cut:
        say("long text is cut to the terminal (…); --output json gives it whole")


def _all_of(rows: Sequence[Mapping[str, Any]], name: str, kinds: tuple[type, ...]) -> bool:
    return all(isinstance(row.get(name), kinds) or row.get(name) is None for row in rows)


def _emit_markdown(names: Sequence[str], texts: Sequence[Sequence[str]]) -> None:
    """A GitHub-flavoured table; what a cell holds is text, never markup."""
    for line in (names, ["---"] * len(names), *([_escaped(text) for text in row] for row in texts)):
        print("| " + " | ".join(line) + " |")


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\|<>`*[]&" else c for c in text)


def _pad(text: str, width: int, right: bool) -> str:
    if len(text) > width:
        return text[: width - 1] + "…"
    return text.rjust(width) if right else text.ljust(width)


def _emit_csv(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([csv_cell(row.get(name)) for name in names])


def csv_cell(value: object) -> object:
    """A value for CSV; text that a spreadsheet would run as a formula is quoted with `'` (OWASP CSV injection)."""
    known = _value(value)
    if isinstance(known, dict | list):
        known = json.dumps(known)
    if isinstance(known, str) and known[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + known
    return known


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON knows it."""
    return {key: _value(value) for key, value in row.items()}


def _value(value: Any) -> Any:
    """A value as JSON knows it: times as RFC 3339, bytes as text, NaN and infinity as null."""
    if isinstance(value, datetime):
        return rfc3339(value) if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list | tuple):
        return [_value(v) for v in value]
    return value


def close_quietly() -> None:
    """After a reader such as `head` has gone: keep Python from complaining about the closed pipe at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
