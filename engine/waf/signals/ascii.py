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
_TOKEN = re.compile(r"\\.|\[\^?\]?|\]|.", re.DOTALL)


def narrowed(pattern: str) -> str:
    """`pattern` (for lower-case text) with its shorthand classes and word boundaries meaning ASCII."""
    parts: list[str] = []
    inside = False
    for token in _TOKEN.findall(pattern):
        if not inside and token.startswith("["):
            inside = True
            parts.append(token)
        elif inside and token == "]":
            inside = False
            parts.append(token)
        else:
            parts.append((_INSIDE if inside else _OUTSIDE).get(token, token))
    return "".join(parts)
