"""The shop's programming interface: one N+1 serializer, and honest loops of all sorts."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from flask import abort, request
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import selectinload

from sample_data.recorder.models import Customer, Order, Product, StockMove
from sample_data.recorder.shop import db, number, page
from sample_data.recorder.tracing import loop

POST = ("POST",)


@page("/api/v1/products", "page of rows and total")
def api_products() -> dict[str, Any]:
    """A page of products."""
    query = select(Product).order_by(Product.id).offset(10 * number("page", 0, 29)).limit(10)
    rows = [{"id": p.id, "name": p.name} for p in db().scalars(query)]
    return {"total": db().scalar(select(func.count(Product.id))), "rows": rows}


@page("/api/<version>/products/<int:key>", "single row")
def api_product(version: str, key: int) -> dict[str, Any]:
    """One product."""
    found = db().get(Product, key)
    if found is None:
        abort(404)
    return {"id": found.id, "name": found.name, "price": found.price, "version": version}


def _customers(*options: Any) -> list[Customer]:
    query = select(Customer).order_by(Customer.id).offset(number("start", 0, 70))
    return list(db().scalars(query.limit(number("rows", 6, 20)).options(*options)))


@page("/api/v1/customers", "lazy relation in a serializer", n_plus_one=True)
def api_customers() -> list[dict[str, Any]]:
    """Customers with the number of their orders, read for each."""
    found = _customers()
    loop(len(found))
    return [{"id": c.id, "orders": len(c.orders)} for c in found]


@page("/api/v1/customers/export", "eager twin: selectin")
def api_customers_export() -> list[dict[str, Any]]:
    """The same with one IN query."""
    return [{"id": c.id, "orders": len(c.orders)} for c in _customers(selectinload(Customer.orders))]


def _recent(*options: Any) -> list[dict[str, Any]]:
    query = select(Order).order_by(Order.id.desc()).offset(number("start", 0, 300))
    found = list(db().scalars(query.limit(number("rows", 5, 10)).options(*options)))
    if not options:
        loop(len(found))
    return [{"id": o.id, "pieces": sum(i.qty for i in o.items)} for o in found]


@page("/api/v2/orders", "lazy relation in a serializer", n_plus_one=True)
def api_orders() -> list[dict[str, Any]]:
    """Recent orders, their lines read for each."""
    return _recent()


@page("/api/v2/orders/batch", "eager twin: selectin")
def api_orders_batch() -> list[dict[str, Any]]:
    """The same with one IN query."""
    return _recent(selectinload(Order.items))


@page("/api/v1/moves", "chunked batch insert", methods=POST)
def api_moves() -> dict[str, int]:
    """Rows written in chunks of four."""
    rows = [str(sku) for sku in (request.get_json() or [])][:40]
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    for start in range(0, len(rows), 4):
        values = [{"sku": sku, "qty": 1, "at": now} for sku in rows[start : start + 4]]
        db().execute(insert(StockMove).values(values))
    db().commit()
    return {"written": len(rows)}


@page("/api/v1/prices", "chunked batch update", methods=POST)
def api_prices() -> dict[str, int]:
    """Prices changed in chunks of keys."""
    ids = sorted({int(i) for i in (request.get_json() or [])})[:60]
    for start in range(0, len(ids), 6):
        some = ids[start : start + 6]
        query = update(Product).where(Product.id.in_(some)).values(price=Product.price + 1)
        db().execute(query, execution_options={"synchronize_session": False})
    db().commit()
    return {"changed": len(ids)}


@page("/api/v1/reserve/<int:key>", "optimistic lock, tried again", methods=POST)
def api_reserve(key: int) -> Any:
    """Take one piece; when another request was faster, read and try again."""
    for _attempt in range(8):
        version = db().scalar(select(Product.version).where(Product.id == key))
        db().commit()
        time.sleep(0.02)
        query = update(Product).where(Product.id == key, Product.version == version)
        done: Any = db().execute(
            query.values(version=Product.version + 1), execution_options={"synchronize_session": False}
        )
        db().commit()
        if done.rowcount:
            return {"reserved": key}
    return {"error": "busy"}, 409


@page("/api/v1/lock/<int:key>", "row lock, tried again", methods=POST)
def api_lock(key: int) -> Any:
    """Hold a row for a moment; a taken one is tried again."""
    for _attempt in range(8):
        try:
            query = select(Product.id).where(Product.id == key).with_for_update(nowait=True)
            db().scalar(query)
            time.sleep(0.08)
            db().commit()
            return {"held": key}
        except OperationalError:
            db().rollback()
            time.sleep(0.03)
    return {"error": "locked"}, 409


@page("/api/v1/orders/<int:key>/wait", "polling one row")
def api_wait(key: int) -> dict[str, Any]:
    """Long poll: look at an order's status a few times."""
    status: str | None = None
    for _look in range(5 + key % 4):
        status = db().scalar(select(Order.status).where(Order.id == key))
        time.sleep(0.04)
    return {"id": key, "status": status}
