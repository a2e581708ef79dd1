"""Settings as they are typed: KEY=VALUE."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from storage.errors import UsageError


def pairs(texts: Iterable[str]) -> dict[str, Any]:
    """Each KEY=VALUE as a key and a JSON value, else as text. Raises UsageError.

    >>> pairs(["threshold=0.65", "mode=strict"])
    {'threshold': 0.65, 'mode': 'strict'}
    """
    return dict(_pair(text) for text in texts)


def _pair(text: str) -> tuple[str, Any]:
    key, found, value = text.partition("=")
    if not found or not key.strip():
        raise UsageError(f"--set takes KEY=VALUE, not {text!r}")
    try:
        return key.strip(), json.loads(value)
    except ValueError:
        return key.strip(), value
