"""Exit codes are an interface: what a script may rely on."""

from __future__ import annotations

from enum import IntEnum

from storage.errors import QueryError, RefusedError, UnavailableError, UsageError, WatchroomError


class ExitCode(IntEnum):
    """What `watchroom` ends with."""

    OK = 0
    FOUND = 1
    """The check found what it looks for."""
    USAGE = 2
    """Wrong usage, configuration or unreadable input."""
    UNAVAILABLE = 3
    """The home or a source is unavailable; retry."""
    QUERY = 4
    """A query failed."""
    REFUSED = 5
    """Read-only, not confirmed, or a conflict."""
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143


def exit_code_for(error: BaseException) -> ExitCode:
    """The exit code of an error; the only place that maps one to the other."""
    causes: tuple[tuple[type[WatchroomError], ExitCode], ...] = (
        (UsageError, ExitCode.USAGE),
        (UnavailableError, ExitCode.UNAVAILABLE),
        (QueryError, ExitCode.QUERY),
        (RefusedError, ExitCode.REFUSED),
    )
    for kind, code in causes:
        if isinstance(error, kind):
            return code
    return ExitCode.INTERRUPTED if isinstance(error, KeyboardInterrupt) else ExitCode.INTERNAL


def told(error: Exception) -> str:
    """An error with what to do next where DuckDB, which worded it, does not say: names of tables and columns."""
    words = str(error)
    if isinstance(error, QueryError) and "Catalog Error" in words and "SHOW TABLES" not in words:
        return f"{words} SHOW TABLES lists the tables and views."
    if isinstance(error, QueryError) and "Binder Error" in words and "column" in words.lower():
        return f"{words} DESCRIBE and a table's name list its columns."
    return words
