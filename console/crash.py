"""A crash is a report, not a mess: a private file with versions and the traceback, without any local variable."""

from __future__ import annotations

import os
import platform
import traceback
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from console.cells import printable
from storage.home import Home


def write_crash(home: Home, error: BaseException, now: datetime) -> Path:
    """Write `error` whole, except for values (they may be log lines or secrets); returns where."""
    path = home.state / f"crash-{now.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.txt"
    parts = [f"{name} {version(name)}" for name in ("watchroom", "textual", "duckdb", "polars")]
    parts += [f"Python {platform.python_version()}", platform.platform(), f"TERM={os.environ.get('TERM', '')}"]
    trace = "".join(traceback.format_exception(error))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as sink:
        sink.write("\n".join(parts) + "\n\n" + printable(trace, lines=True))
    return path
