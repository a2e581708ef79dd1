"""The filter of a list: a regular expression that cannot run away, case told by its letters, `!` to invert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import polars as pl


class HasText(Protocol):
    """What can be filtered."""

    @property
    def text(self) -> str:
        """The words the filter looks at."""


Item = TypeVar("Item", bound=HasText)


@dataclass(frozen=True, slots=True)
class Filter:
    """What was typed, as a pattern for Polars (Rust's engine: time linear in the text), and what is wrong with it."""

    typed: str = ""
    pattern: str = ""
    inverted: bool = False
    problem: str = ""

    @property
    def active(self) -> bool:
        """Whether it hides anything at all."""
        return bool(self.pattern) and not self.problem

    def of(self, items: Sequence[Item]) -> list[Item]:
        """The items that it lets through; all of them while the pattern is empty or wrong."""
        if not self.active or not items:
            return list(items)
        hits = pl.Series([item.text for item in items], dtype=pl.String).str.contains(self.pattern)
        if self.inverted:
            hits = ~hits
        return [item for item, hit in zip(items, hits, strict=True) if hit]


NO_FILTER = Filter()


def parse(typed: str) -> Filter:
    """What was typed as a filter; a wrong pattern is told in `problem`, never raised.

    Small letters match both cases; one capital letter makes case count. `!` in front inverts.
    """
    inverted = typed.startswith("!")
    pattern = typed[1:] if inverted else typed
    if not pattern:
        return Filter(typed)
    if pattern == pattern.lower():
        pattern = f"(?i){pattern}"
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:
        return Filter(typed, pattern, inverted, "not a regular expression")
    return Filter(typed, pattern, inverted)
