"""What the user named, as files: files, folders and quoted globs become regular files in a stable order.

Nothing is opened that could block: a FIFO, a device or a socket is refused by its mode before it is touched.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from storage.errors import InputError

_KINDS = {
    stat.S_IFIFO: "a FIFO", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket",
}  # fmt: skip


def expand(paths: Sequence[str | Path], *, cwd: Path | None = None) -> list[Path]:
    """The regular files that `paths` name, absolute, each once (two names of one file count as one).

    A folder gives all files below it but hidden ones; a glob (`*`, `?`, `[`, `**`) what it matches. A link to a file is
    followed, a link to a folder only if it was named itself. Raises InputError in one line for a name with nothing
    behind it: missing, unreadable, no regular file, a glob without a match, a folder without files.
    """
    found: dict[tuple[int, int], Path] = {}
    for given in paths:
        for path in _files(given, cwd or Path.cwd(), strict=True):
            status = path.stat()
            found.setdefault((status.st_dev, status.st_ino), path)
    return list(found.values())


def present(patterns: Sequence[str | Path], *, cwd: Path | None = None) -> list[Path]:
    """Like `expand`, for files that come and go: what is not there, or cannot be read, is left out without a word."""
    found: dict[tuple[int, int], Path] = {}
    for given in patterns:
        for path in _files(given, cwd or Path.cwd(), strict=False):
            try:
                status = path.stat()
            except OSError:
                continue
            found.setdefault((status.st_dev, status.st_ino), path)
    return list(found.values())


def folders(patterns: Sequence[str | Path], *, cwd: Path | None = None) -> set[Path]:
    """The folders where files of `patterns` are or may appear, as far as they exist; links count at both ends."""
    watched: set[Path] = set()
    for given in patterns:
        path = _absolute(given, cwd or Path.cwd())
        if path.is_dir():
            watched.update({path, *(p for p in _below(path) if p.is_dir())})
            continue
        parent = path.parent
        if is_pattern(str(parent)):
            watched.update(Path(name) for name in glob.glob(str(parent), recursive=True))  # noqa: PTH207
        while is_pattern(str(parent)) and parent != parent.parent:
            parent = parent.parent
        watched.add(parent)
    for path in present(patterns, cwd=cwd):
        watched.update({path.parent, path.resolve().parent})
    return {folder for folder in watched if folder.is_dir()}


def is_pattern(text: str) -> bool:
    """Whether `text` holds one of the characters that make it a glob."""
    return glob.has_magic(text)


def open_regular(path: Path) -> int:
    """A descriptor to read the regular file `path` with. Never blocks.

    Raises InputError, one line; OSError where there are no descriptors left, which says nothing of the file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        raise _unreadable(path, error) from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise _no_file(path, mode)
    return handle


def _files(given: str | Path, cwd: Path, *, strict: bool) -> Iterator[Path]:
    """The regular files behind one name; not strict, trouble is an empty answer."""
    path = _absolute(given, cwd)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        yield from _matches(path, given, strict=strict)
        return
    except OSError as error:
        if strict:
            raise _unreadable(path, error) from None
        return
    if stat.S_ISDIR(mode):
        yield from _inside(path, strict=strict)
    elif stat.S_ISREG(mode) and os.access(path, os.R_OK):
        yield path
    elif strict:
        raise (
            _no_file(path, mode) if not stat.S_ISREG(mode) else _unreadable(path, PermissionError(13, "no permission"))
        )


def _matches(path: Path, given: str | Path, *, strict: bool) -> Iterator[Path]:
    if not is_pattern(str(given)):
        if strict:
            raise InputError(f"{given}: no such file; check the path, or quote a glob to match what is there")
        return
    matches = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 as one string
    files = [m for m in matches if _is_readable_file(m)]
    for match in matches:
        if match.is_dir() and "**" not in str(given):
            files.extend(_below_files(match))
    if not files and strict:
        raise InputError(f"{given}: no file matches; check the pattern (folders are searched with **)")
    yield from files


def _inside(folder: Path, *, strict: bool) -> Iterator[Path]:
    files = _below_files(folder)
    if not files and strict:
        if not os.access(folder, os.R_OK | os.X_OK):
            raise InputError(f"{folder}: this folder cannot be read; ask for permission or run as its owner")
        raise InputError(f"{folder}: no files in this folder; name a log file or a folder that holds some")
    yield from files


def _below_files(folder: Path) -> list[Path]:
    return [path for path in _below(folder) if _is_readable_file(path)]


def _below(folder: Path) -> list[Path]:
    """Everything below `folder` that is not hidden, sorted; links to folders are not entered."""
    entries: list[Path] = []
    for parent, names, files in os.walk(folder, followlinks=False):
        names[:] = sorted(name for name in names if not name.startswith("."))
        entries.extend(Path(parent, name) for name in [*names, *files] if not name.startswith("."))
    return sorted(entries)


def _is_readable_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode) and os.access(path, os.R_OK)
    except OSError:
        return False


def _absolute(given: str | Path, cwd: Path) -> Path:
    return Path(os.path.abspath(cwd / Path(given).expanduser()))  # noqa: PTH100 links must stay unresolved


def _unreadable(path: Path, error: OSError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file; check the path")
    reason = (error.strerror or "unreadable").lower()
    return InputError(f"{path}: cannot be read ({reason}); ask for permission or run as its owner")


def _no_file(path: Path, mode: int) -> InputError:
    kind = "a folder" if stat.S_ISDIR(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")
    return InputError(f"{path}: is {kind}, not a log file; name a regular file")
