"""A source's uncompressed bytes, wherever they lie: a plain file that may still grow, or an archive read in one pass.

stream.read(offset, size)  -> at most `size` bytes; fewer only where the bytes end for now
stream.ended               -> an archive has no more to give; a plain file never knows
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Protocol

from storage.archive import Archive, archive_kind
from storage.inputs import open_regular

_SCAN_BYTES = 1 << 20


class Stream(Protocol):
    """Uncompressed bytes by offset."""

    path: Path
    is_archive: bool

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`; fewer only where the bytes end for now."""

    def size(self) -> int | None:
        """How many uncompressed bytes there are now; None if that is not known yet."""

    def skip_nuls(self, offset: int) -> int | None:
        """The offset of the first byte from `offset` that is not NUL; None if only NULs follow for now."""

    def damage(self) -> str | None:
        """Why an archive ended too early, in words; None for sound ones and plain files."""

    def status(self) -> os.stat_result:
        """What the file system says of the open file."""

    def close(self) -> None:
        """Give the descriptor back."""


class Plain:
    """A plain file, kept open, so that it can be drained after it was renamed or deleted."""

    is_archive = False

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle
        self._nuls_until = 0

    def read(self, offset: int, size: int) -> bytes:
        """See Stream."""
        parts: list[bytes] = []
        while size > 0:
            part = os.pread(self._handle, size, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def size(self) -> int | None:
        """See Stream."""
        return os.fstat(self._handle).st_size

    def skip_nuls(self, offset: int) -> int | None:
        """See Stream. Holes cost nothing, and NULs once seen at the end are not read again."""
        at = max(offset, min(self._nuls_until, os.fstat(self._handle).st_size))
        while True:
            at = self._next_data(at)
            chunk = os.pread(self._handle, _SCAN_BYTES, at)
            if not chunk:
                self._nuls_until = at
                return None
            rest = chunk.lstrip(b"\0")
            if rest:
                return at + len(chunk) - len(rest)
            at += len(chunk)

    def _next_data(self, offset: int) -> int:
        try:
            return os.lseek(self._handle, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return max(offset, os.fstat(self._handle).st_size)
            return offset

    def damage(self) -> str | None:
        """See Stream."""
        return None

    def status(self) -> os.stat_result:
        """See Stream."""
        return os.fstat(self._handle)

    def close(self) -> None:
        """See Stream."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def open_stream(path: Path) -> Stream:
    """The file at `path` as a stream; its first bytes tell whether it is an archive. Raises InputError."""
    handle = open_regular(path)
    kind = archive_kind(os.pread(handle, 8, 0))
    if kind is None:
        return Plain(path, handle)
    return Archive(path, handle, kind)
