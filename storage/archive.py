"""Archives as bounded streams: .gz, .bz2, .xz and .zst, of any number of members, by their first bytes, not their name.

Nothing is unpacked to disk or whole into memory. An archive that wants a larger window, or grows more than an honest
log does, is cut off there. Damage ends the stream: what came before it is given, and `damage` says what was wrong.
Limits: logs compress 9 to 16 times, bombs over 1,000 times (docs/landing.md); 200 separates them.
"""

from __future__ import annotations

import bz2
import lzma
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

Kind = Literal["gz", "bz2", "xz", "zst"]

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
_MAGIC: dict[bytes, Kind] = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zst"}
_INPUT_BYTES = 1 << 16
_OUTPUT_BYTES = 1 << 20
_ZSTD_INPUT_BYTES = 1 << 10
"""zstandard bounds no output: 1 KiB of it unpacks to at most some 32 MiB."""
_KEPT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """How far an archive may go."""

    ratio: int = 200
    """Uncompressed bytes for one compressed byte, judged over the whole archive once `free_bytes` are out."""
    free_bytes: int = 64 << 20
    total_bytes: int = 1 << 40
    window_bytes: int = 128 << 20


class _DamageError(Exception):
    """The archive cannot be read further; the text says why."""


def archive_kind(head: bytes) -> Kind | None:
    """The kind of archive that starts with these bytes, or None for anything else."""
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def is_archive_to_be(head: bytes) -> bool:
    """Whether a file of which no more is there than `head` may be an archive that is just being written."""
    return 0 < len(head) < 6 and any(magic.startswith(head) for magic in _MAGIC)


class Archive:
    """An archive as a stream (storage/streams.py). Reading onwards is one pass; reading back starts anew."""

    is_archive = True

    def __init__(self, path: Path, handle: int, kind: Kind, limits: Limits | None = None) -> None:
        self.path = path
        self.kind = kind
        self.limits = limits or Limits()
        self._file: BinaryIO = os.fdopen(handle, "rb")
        self._start()

    def _start(self) -> None:
        self._file.seek(0)
        self._chunks = _bounded(_members(self._file, self.kind, self.limits), self._file, self.limits)
        self._parts = bytearray()
        self._base = 0
        self._ended = False
        self._damage: str | None = None

    def read(self, offset: int, size: int) -> bytes:
        """See Stream."""
        if offset < self._base:
            self._start()
        while not self._ended and self._base + len(self._parts) < offset + size:
            self._forget(offset)
            try:
                self._parts += next(self._chunks)
            except StopIteration:
                self._ended = True
            except _DamageError as damage:
                self._ended, self._damage = True, str(damage)
        at = offset - self._base
        with memoryview(self._parts) as view:
            return bytes(view[at : at + size])

    def _forget(self, offset: int) -> None:
        """Drop bytes well before `offset`: what is behind is read again only for its marker."""
        unneeded = min(offset - _KEPT_BYTES - self._base, len(self._parts))
        if unneeded > 0:
            del self._parts[:unneeded]
            self._base += unneeded

    def size(self) -> int | None:
        """See Stream."""
        return self._base + len(self._parts) if self._ended else None

    def skip_nuls(self, offset: int) -> int | None:
        """See Stream."""
        while chunk := self.read(offset, _OUTPUT_BYTES):
            rest = chunk.lstrip(b"\0")
            offset += len(chunk) - len(rest)
            if rest:
                return offset
        return None

    def damage(self) -> str | None:
        """See Stream."""
        return self._damage

    def position(self) -> int:
        """Compressed bytes read so far: what a progress bar counts."""
        return self._file.tell()

    def status(self) -> os.stat_result:
        """See Stream."""
        return os.fstat(self._file.fileno())

    def close(self) -> None:
        """See Stream."""
        self._file.close()


def _bounded(chunks: Iterator[bytes], file: BinaryIO, limits: Limits) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limits.total_bytes:
            raise _DamageError(f"unpacks to more than {limits.total_bytes} bytes")
        if total > limits.free_bytes and total > limits.ratio * max(file.tell(), 1):
            raise _DamageError(f"unpacks to more than {limits.ratio} times its size: no honest log does")
        yield chunk


def _members(file: BinaryIO, kind: Kind, limits: Limits) -> Iterator[bytes]:
    """The uncompressed bytes of all members, in pieces. Raises _DamageError where they cannot be read further."""
    from zstandard import ZstdError

    piece = _ZSTD_INPUT_BYTES if kind == "zst" else _INPUT_BYTES
    pending, member, started = b"", _member(kind, limits), False
    while True:
        pending = pending or file.read(piece)
        if not pending:
            if started:
                raise _DamageError("ends in the middle of a member: truncated")
            return
        if not started and not pending.strip(b"\0"):
            pending = b""  # padding between members and after the last
            continue
        try:
            for chunk in member.unpack(pending):
                started = True
                if chunk:
                    yield chunk
        except (zlib.error, OSError, EOFError, lzma.LZMAError, ZstdError) as error:
            raise _DamageError(_why(error, started=started)) from error
        started = not member.eof
        pending = member.unused_data.lstrip(b"\0") if member.eof else b""
        if member.eof:
            member = _member(kind, limits)


def _why(error: Exception, *, started: bool) -> str:
    text = str(error) or type(error).__name__
    return text if started else f"{text} (after the last sound member)"


class _Member(Protocol):
    """One member of an archive, of whichever library."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def unused_data(self) -> bytes:
        """What was given of the bytes behind its end."""

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """What one piece of input unpacks to, in bounded pieces, up to the member's end."""


def _member(kind: Kind, limits: Limits) -> _Member:
    if kind == "gz":
        return _Gzip()
    if kind == "zst":
        return _Zstandard(limits.window_bytes)
    return _Hungry(bz2.BZ2Decompressor() if kind == "bz2" else _xz(limits.window_bytes))


def _xz(window_bytes: int) -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=window_bytes)


class _Gzip:
    """zlib hands back the input that it did not get to."""

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        """See _Member."""
        return self._unpacker.eof

    @property
    def unused_data(self) -> bytes:
        """See _Member."""
        return self._unpacker.unused_data

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """See _Member."""
        while data:
            yield self._unpacker.decompress(data, _OUTPUT_BYTES)
            data = b"" if self._unpacker.eof else self._unpacker.unconsumed_tail


class _Hungry:
    """bz2 and lzma keep the input that they did not get to, and say whether they need more."""

    def __init__(self, unpacker: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._unpacker = unpacker

    @property
    def eof(self) -> bool:
        """See _Member."""
        return self._unpacker.eof

    @property
    def unused_data(self) -> bytes:
        """See _Member."""
        return self._unpacker.unused_data

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """See _Member."""
        yield self._unpacker.decompress(data, _OUTPUT_BYTES)
        while not self._unpacker.eof and not self._unpacker.needs_input:
            yield self._unpacker.decompress(b"", _OUTPUT_BYTES)


class _Zstandard:
    """zstandard takes all of its input at once, so it is given little."""

    def __init__(self, window_bytes: int) -> None:
        import zstandard

        self._unpacker = zstandard.ZstdDecompressor(max_window_size=window_bytes).decompressobj()

    @property
    def eof(self) -> bool:
        """See _Member."""
        return self._unpacker.eof

    @property
    def unused_data(self) -> bytes:
        """See _Member."""
        return self._unpacker.unused_data

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """See _Member."""
        yield self._unpacker.decompress(data)
