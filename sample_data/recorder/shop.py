"""The shop application: Flask, one trace a request, pages from the pages_* modules."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, request
from sqlalchemy.orm import Session

from sample_data.recorder import tracing
from sample_data.recorder.models import CUSTOMERS


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and the truth about it: does its code run a query for each row?"""

    name: str
    rule: str
    methods: tuple[str, ...]
    n_plus_one: bool
    kind: str
    view: Callable[..., Any]


PAGES: dict[str, Page] = {}


def page(
    rule: str, kind: str, n_plus_one: bool = False, methods: tuple[str, ...] = ("GET",)
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a view under a route, with the truth about its way with the database."""

    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        name = view.__name__
        PAGES[name] = Page(name, rule, methods, n_plus_one, kind, view)
        return view

    return register


def db() -> Session:
    """The request's session: plain reads run in autocommit, as read pages often do."""
    session: Session = g.session
    return session


def customer_id() -> int:
    """Who is asking: the login cookie, else a guest account."""
    raw = request.cookies.get("uid", "")
    return int(raw) if raw.isdigit() and 0 < int(raw) <= CUSTOMERS else 1


def number(name: str, default: int, most: int) -> int:
    """A number from the query string, kept in bounds."""
    raw = request.args.get(name, "")
    return min(int(raw), most) if raw.isdigit() and len(raw) < 6 else default


def create_app() -> Flask:
    """Build the application for the database that SHOP_DB names."""
    from sample_data.recorder import pages_api, pages_loops, pages_shop  # noqa: F401

    app = Flask(__name__)
    writes = tracing.make_engine(os.environ["SHOP_DB"])
    reads = tracing.make_engine(os.environ["SHOP_DB"], autocommit=True)

    @app.before_request
    def begin() -> None:
        trace = tracing.Trace(request.headers.get("X-Request-Id", "0" * 32))
        trace.controller = request.endpoint or "none"
        g.trace, g.token = trace, tracing.current.set(trace)
        g.session = Session(reads if request.method == "GET" or request.path == "/login" else writes)

    @app.after_request
    def report(response: Response) -> Response:
        trace: tracing.Trace = g.trace
        response.headers["X-Page"] = trace.controller
        response.headers["X-Statements"] = str(trace.statements)
        response.headers["X-Loop"] = str(trace.loop_rows)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        g.session.close()
        tracing.current.reset(g.token)

    for entry in PAGES.values():
        app.add_url_rule(entry.rule, entry.name, entry.view, methods=list(entry.methods))
    return app
