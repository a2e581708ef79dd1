"""The skeleton of a JSON line: what is the same in all lines that were written from one place.

    {"event":"job","ts":"  ·string·  ","memory_mb":  ·scalar·  ,"queue":"  ·string·  "}

Between the literals stand strings and scalars. A line with the literals of a line that is known to be JSON, with
strings for its strings and scalars for its scalars, is JSON too, and of the same keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["string", "scalar", "container"]
_STRUCTURAL = re.compile(r'(?<!\\)"')
_PIECE = re.compile(r'([\s{}\[\],:]*)([^\s{}\[\],:"]+)?([\s{}\[\],:]*)')

Edge = tuple[int, int]
"""A place in a line: the number of a literal, and how many bytes from its start."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What stands behind a literal: a string or a scalar; `exact` where its very spelling is asked for."""

    kind: Kind
    exact: bool


@dataclass(frozen=True, slots=True)
class Value:
    """The value of one of the record's own keys: from one edge to another."""

    name: str
    kind: Kind
    start: Edge
    stop: Edge


@dataclass(frozen=True, slots=True)
class Skeleton:
    """`literals` with a slot behind each but the last; the wanted `values`; how many quotes there are."""

    literals: tuple[bytes, ...]
    slots: tuple[Slot, ...]
    values: tuple[Value, ...]
    quotes: int

    @property
    def has_containers(self) -> bool:
        """Whether an object or a list is asked for as text."""
        return any(value.kind == "container" for value in self.values)

    @classmethod
    def of(cls, line: str, names: Collection[str], loose: Collection[str]) -> Skeleton | None:
        """The skeleton of a line, with the values of `names`; of the `loose` ones any spelling of a number will do.

        None for what is no JSON object, repeats a key, or is of a form too unusual to be worth it: a list of several
        numbers, blanks inside an object that is asked for.
        """
        if not _is_plain_object(line):
            return None
        parts = _STRUCTURAL.split(line)
        pieces = [_PIECE.fullmatch(piece) for piece in parts[0::2]]
        walk = _Walk(names, loose)
        for number, piece in enumerate(pieces):
            if piece is None:
                return None
            walk.punctuation(piece[1])
            if piece[2] is not None:
                walk.scalar()
            walk.punctuation(piece[3])
            if number < len(pieces) - 1:
                following = parts[2 * number + 2].lstrip()
                walk.string(parts[2 * number + 1], is_key=following.startswith(":"))
        return walk.skeleton(len(parts) - 1)


def _is_plain_object(line: str) -> bool:
    """Whether `line` is a JSON object that says no key twice, at any depth."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError
        return dict(pairs)

    def never(constant: str) -> object:
        raise ValueError(constant)

    try:
        return isinstance(json.loads(line, object_pairs_hook=once, parse_constant=never), dict)
    except (ValueError, RecursionError):
        return False


@dataclass(slots=True)
class _Walk:
    """A line's pieces, from left to right."""

    names: Collection[str]
    loose: Collection[str]
    literal: str = ""
    literals: list[bytes] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    depth: int = 0
    key: str | None = None
    """The key of the record whose value comes or lasts, if it is asked for."""
    container: Edge | None = None
    is_odd: bool = False

    @property
    def here(self) -> Edge:
        """Where the walk is."""
        return len(self.literals), len(self.literal.encode())

    def punctuation(self, text: str) -> None:
        """Brackets, braces, commas, colons and blanks."""
        for character in text:
            if character in "{[":
                if self.depth == 1 and self.key is not None:
                    self.container = self.here
                self.depth += 1
            self.literal += character
            if character in "}]":
                self.depth -= 1
                if self.depth == 1 and self.container is not None and self.key is not None:
                    self.values.append(Value(self.key, "container", self.container, self.here))
                    self.container = None
            if character == "," and self.depth == 1:
                self.key = None
            self.is_odd |= character.isspace() and self.container is not None

    def scalar(self) -> None:
        """A number, true, false or null."""
        exact = self.container is not None or (self.key is not None and self.key not in self.loose)
        self._slot("scalar", exact=exact)

    def string(self, text: str, *, is_key: bool) -> None:
        """A string, which is a key or a value."""
        self.literal += '"'
        if is_key:
            self.literal += text + '"'
            self.is_odd |= "\\" in text
            if self.depth == 1:
                self.key = text if text in self.names else None
        else:
            self._slot("string", exact=self.container is not None)
            self.literal = '"'

    def _slot(self, kind: Kind, *, exact: bool) -> None:
        if self.depth == 1 and self.key is not None:
            self.values.append(Value(self.key, kind, self.here, (len(self.literals) + 1, 0)))
        self.literals.append(self.literal.encode())
        self.slots.append(Slot(kind, exact))
        self.literal = ""

    def skeleton(self, quotes: int) -> Skeleton | None:
        """The whole."""
        if self.is_odd:
            return None
        literals = (*self.literals, self.literal.encode())
        return Skeleton(literals, tuple(self.slots), tuple(self.values), quotes)
