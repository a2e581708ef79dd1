"""What a registered version is bound to: the hash of the file that holds the model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypedDict

from storage.errors import InputError


class Hashed(TypedDict):
    """sha256 in hex, and the size in bytes."""

    sha256: str
    size_bytes: int


def hashed(path: Path) -> Hashed:
    """The hash and size of a model's file. Raises InputError where it cannot be read."""
    try:
        with path.open("rb") as source:
            return Hashed(sha256=hashlib.file_digest(source, "sha256").hexdigest(), size_bytes=path.stat().st_size)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
