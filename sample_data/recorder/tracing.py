"""Carry a request's (or a job's) trace id to every statement, as sqlcommenter does."""

from __future__ import annotations

import os
import random
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool


@dataclass(slots=True)
class Trace:
    """One request or one run of a job, and what it did to the database."""

    trace_id: str
    controller: str = "unknown"
    statements: int = 0
    loop_rows: int = 0


ROUND_TRIP_S = float(os.environ.get("SHOP_ROUND_TRIP_MS", "2")) / 1000
"""How far away the database feels: loopback alone would be unlike any real network."""

current: ContextVar[Trace | None] = ContextVar("current", default=None)


def loop(rows: int) -> None:
    """Note how many rows a page's loop over lazy relations went through."""
    trace = current.get()
    if trace is not None:
        trace.loop_rows += rows


def _comment(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> tuple[str, Any]:
    trace = current.get()
    if trace is None:
        return statement, parameters
    trace.statements += 1
    time.sleep(random.uniform(0.5, 1.5) * ROUND_TRIP_S)
    parent = f"00-{trace.trace_id}-{secrets.token_hex(8)}-01"
    return f"{statement} /*controller='{trace.controller}',traceparent='{parent}'*/", parameters


def make_engine(url: str, pooled: bool = True, autocommit: bool = False) -> Engine:
    """Open an engine whose statements end in the current trace's comment."""
    options: dict[str, Any] = {"pool_size": 4, "max_overflow": 4} if pooled else {"poolclass": NullPool}
    if autocommit:
        options["isolation_level"] = "AUTOCOMMIT"
    engine = create_engine(url, **options)
    event.listen(engine, "before_cursor_execute", _comment, retval=True)
    return engine
