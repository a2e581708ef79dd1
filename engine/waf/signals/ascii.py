"""Patterns narrowed to ASCII, where attacks are written: automata stay small and never fall back to the slow engine.

Unicode word boundaries force the regular expression engine out of its fast automaton on any foreign text, and Unicode
classes multiply its states. Decoded text has no use for either.
"""

from __future__ import annotations

import re

_OUTSIDE = {
    r"\b": r"(?-u:\b)", r"\w": "[a-z0-9_]", r"\d": "[0-9]", r"\s": r"[\t-\r ]",
    r"\W": "[^a-z0-9_]", r"\D": "[^0-9]", r"\S": r"[^\t-\r ]",
}  # fmt: skip
_INSIDE = {r"\w": "a-z0-9_", r"\d": "0-9", r"\s": r"\t-\r "}
_PARTS = re.compile(r"\\.|\[\^?\]?|\]|.", re.DOTALL)


def narrowed(pattern: str) -> str:
    """`pattern` (for lower-case text) with its shorthand classes and word boundaries meaning ASCII."""
    parts: list[str] = []
    inside = False
    for part in _PARTS.findall(pattern):
        if not inside and part.startswith("["):
            inside = True
            parts.append(part)
        elif inside and part == "]":
            inside = False
            parts.append(part)
        else:
            parts.append((_INSIDE if inside else _OUTSIDE).get(part, part))
    return "".join(parts)
