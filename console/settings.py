"""Settings as they are typed: KEY=VALUE, or a file of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.errors import UsageError

if TYPE_CHECKING:
    from storage.manner import Manner


def manner_told(config: Path | None, home: Path | None) -> Manner:
    """How logs are to be read, by the file that was named, else by the home's, which need not be there.

    Raises UsageError for a named file that is not there, ConfigError for one with mistakes.
    """
    from engine.manner import configured
    from storage.home import Home, default_home

    if config is not None and not config.is_file():
        raise UsageError(f"--config {config}: no such file; `watchroom config show` says where the home's is")
    return configured(config or Home(home or default_home()).config)


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
