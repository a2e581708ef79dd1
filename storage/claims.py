"""Which segments on disk count, when the ledger that named them is lost: what they say of themselves decides.

Of two commits that hold rows of the same bytes, table and day the later written is the true one; the other was left
by a crash, or held an unfinished record that has come whole since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from storage.home import Home
from storage.segments import read_metadata

Span = tuple[int, int]
"""Start and end of bytes of a source."""
Claim = tuple[str, str, str, int]
"""Rows of which table and day of which source: (table, day, source path, generation)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A commit that the segments on disk tell of."""

    order: tuple[int, str, int]
    """What sorts commits by age: the newest commit there was when it was written, the clock then, the file's time."""
    paths: tuple[str, ...]
    origins: tuple[Mapping[str, Any], ...]
    replaces: frozenset[str]
    whole: bool

    def claims(self) -> set[Claim]:
        """Which table and day of which source it holds rows of."""
        folders = {tuple(Path(p).parts[:2]) for p in self.paths}
        return {(t, day, str(o["path"]), int(o["generation"])) for t, day in folders for o in self.origins}

    def unfinished(self) -> list[tuple[tuple[str, int], int]]:
        """The sources whose last record it holds for now, and where that record starts."""
        held = [o for o in self.origins if o.get("provisional")]
        return [((str(o["path"]), int(o["generation"])), int(o["start_offset"])) for o in held]


def find_commits(home: Home, known: set[str]) -> list[Found]:
    """The commits whose segments lie in the lake and are not in the manifest."""
    groups: dict[str, dict[str, Any]] = {}
    present: dict[str, set[str]] = defaultdict(set)
    changed: dict[str, int] = {}
    for path in (p for p in home.lake_files() if p.suffix == ".parquet"):
        name = str(path.relative_to(home.lake))
        if name in known:
            continue
        try:
            about = read_metadata(path)
            pl.scan_parquet(path, glob=False).select(pl.len()).collect()
        except (OSError, ValueError, pl.exceptions.PolarsError):
            continue
        files = about.get("files")
        if isinstance(files, list) and name in files:
            key = str(about["commit"])
            groups[key], changed[key] = about, path.stat().st_mtime_ns
            present[key].add(name)
    return [
        Found(
            (int(about["after_commit"]), str(about["written_ts"]), changed[key]),
            tuple(sorted(present[key])), tuple(about["origins"]),
            frozenset(about.get("replaces", ())), set(about["files"]) <= present[key] | known,
        )
        for key, about in groups.items()
    ]  # fmt: skip


def merged(found: Iterable[Found]) -> tuple[set[str], list[Found]]:
    """The segments that others took in, and the commits that remain; of two that took in the same, the later one."""
    taken: set[str] = set()
    remaining = []
    for item in sorted((i for i in found if i.whole), key=lambda i: i.order, reverse=True):
        if set(item.paths) <= taken or item.replaces & taken:
            continue
        taken |= item.replaces
        remaining.append(item)
    return taken, remaining


def choose(
    found: Iterable[Found], landed: Mapping[tuple[str, int], int], gone: Mapping[Claim, Sequence[Span]]
) -> list[Found]:
    """Those whose bytes no later one claims and no restored offset covers, unless what landed of them is `gone`.

    An unfinished record counts only if nothing later goes past its start, in whatever table: half a line is a reject,
    the whole one a row.
    """
    taken: dict[Claim, list[Span]] = defaultdict(list)
    reached: dict[tuple[str, int], int] = defaultdict(int)
    chosen = []
    for item in sorted(found, key=lambda i: i.order, reverse=True):
        spans = {claim: _spans(item, claim[2:]) for claim in item.claims()}
        clash = any(
            (start < landed.get(claim[2:], 0) and not any(a <= start and end <= b for a, b in gone.get(claim, ())))
            or any(a < end and start < b for a, b in taken[claim])
            for claim, mine in spans.items() for start, end in mine if start < end
        ) or any(start < reached[source] for source, start in item.unfinished())  # fmt: skip
        if clash:
            continue
        for origin in item.origins:
            source = (str(origin["path"]), int(origin["generation"]))
            reached[source] = max(reached[source], int(origin["end_offset"]))
        for claim, mine in spans.items():
            taken[claim] += mine
        chosen.append(item)
    return chosen


def claimed(found: Iterable[Found]) -> dict[Claim, list[Span]]:
    """Which bytes commits hold rows of."""
    spans: dict[Claim, list[Span]] = defaultdict(list)
    for item in found:
        for claim in item.claims():
            spans[claim] += _spans(item, claim[2:])
    return spans


def _spans(item: Found, source: tuple[str, int]) -> list[Span]:
    """The bytes of one source (path, generation) that a commit holds rows of."""
    return [
        (int(o["start_offset"]), int(o["end_offset"]))
        for o in item.origins if (str(o["path"]), int(o["generation"])) == source
    ]  # fmt: skip
