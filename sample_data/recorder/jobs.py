"""The shop's background jobs: real work with real variation, and faults on request."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rq import get_current_job
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from sample_data.recorder.models import Customer, Item, Order, Product
from sample_data.recorder.tracing import loop, make_engine

_engine: Engine | None = None
_ballast: list[bytearray] = []

DEADLINES = {"smtp": "smtp.mail.example: 421 try again later", "http": "hook endpoint: 503"}


def engine() -> Engine:
    """The process's engine; the worker opens it before it forks, so that jobs need not."""
    global _engine
    if _engine is None:
        _engine = make_engine(os.environ["SHOP_DB"], pooled=False, autocommit=True)
    return _engine


@contextmanager
def session() -> Iterator[Session]:
    """A session in autocommit, enough for these jobs."""
    with Session(engine()) as opened:
        yield opened


def fault() -> str:
    """What the driver wants to go wrong in this run: slow, leak, fail, transient or nothing."""
    job = get_current_job()
    return str(job.meta.get("fault", "")) if job is not None else ""


def suffer(base_s: float) -> None:
    """Let the fault happen, if there is one; base_s is the job's usual time."""
    what, rng = fault(), random.Random()
    job = get_current_job()
    if what == "slow":
        burn(base_s * rng.uniform(1.5, 3))
        time.sleep(base_s * rng.uniform(3, 7) + 0.3)
    elif what == "leak":
        for _ in range(rng.randint(8, 22)):
            _ballast.append(bytearray(os.urandom(1024) * 8192))
            time.sleep(0.004)
    elif what == "fail":
        time.sleep(rng.choice([0.0, rng.uniform(0.1, 1.2)]))
        raise ConnectionError(rng.choice(list(DEADLINES.values())))
    elif what == "transient" and job is not None and job.retries_left == job.meta.get("retries"):
        raise ConnectionError("connection reset by peer")


def burn(seconds: float) -> None:
    """Use the processor for about this much of its time."""
    until = time.process_time() + seconds
    block = b"x" * 65536
    while time.process_time() < until:
        block = hashlib.sha512(block).digest() * 1024


def send_email(to: str, body: str) -> None:
    """Render a mail and hand it to a slow friend."""
    suffer(0.05)
    burn(0.004 + len(f"To: {to}\n\n{body}") / 4e6)
    time.sleep(random.lognormvariate(-3.4, 0.35))


def deliver_webhook(url: str, event: dict[str, Any]) -> None:
    """Post an event to a partner."""
    suffer(0.08)
    hashlib.sha256(f"{url} {json.dumps(event)}".encode()).digest()
    burn(0.003)
    time.sleep(random.lognormvariate(-2.8, 0.5))


def resize_image(name: str, pixels: bytes) -> int:
    """Work through an image: time and memory grow with it."""
    suffer(0.08)
    copies = [bytearray(pixels) for _ in range(80)]
    burn(0.02 + len(pixels) / 1.1e6)
    return zlib.crc32(name.encode(), len(zlib.compress(pixels, 6)) + len(copies))


def import_catalog(rows: list[dict[str, Any]]) -> int:
    """Check a supplier's list; big lists take longer and more memory, and may."""
    suffer(0.1)
    seen = [{**row, "key": hashlib.sha1(repr(row).encode()).hexdigest()} for row in rows for _ in range(16)]
    burn(0.01 + len(rows) * 0.0003)
    return len(seen)


def make_invoice(order_id: int) -> int:
    """Sum up one order."""
    suffer(0.08)
    with session() as db:
        query = select(Product.price, Item.qty).join(Item, Item.product_id == Product.id)
        lines = db.execute(query.where(Item.order_id == order_id)).all()
    burn(0.03 + 0.004 * len(lines))
    return sum(price * qty for price, qty in lines)


def sync_stock(product_ids: list[int]) -> None:
    """Write stock in batches of keys: a loop, and no N+1."""
    suffer(0.05)
    with session() as db:
        for start in range(0, len(product_ids), 5):
            some = product_ids[start : start + 5]
            query = update(Product).where(Product.id.in_(some)).values(stock=Product.stock + 1)
            db.execute(query, execution_options={"synchronize_session": False})
    burn(0.01)


def send_digest(start: int, rows: int) -> int:
    """A digest for some customers; their orders are loaded lazily: the job that is an N+1."""
    suffer(0.06)
    with session() as db:
        query = select(Customer).order_by(Customer.id).offset(start).limit(rows)
        customers = list(db.scalars(query))
        loop(len(customers))
        total = sum(len(customer.orders) for customer in customers)
    burn(0.01)
    return total


def build_report(days: int) -> int:
    """A few grouped queries and the arithmetic after them."""
    suffer(0.3)
    with session() as db:
        rows = db.execute(select(Order.status, func.count()).group_by(Order.status)).all()
        spent = db.scalar(select(func.sum(Item.qty * Product.price)).join(Product))
    burn(0.12 + 0.004 * days)
    return len(rows) + int(spent or 0)


def nightly_rollup(shard: int) -> int:
    """The batch that is slow and large by nature."""
    suffer(2.0)
    blocks = [bytearray(os.urandom(4096) * 512) for _ in range(12)]
    burn(random.uniform(0.9, 1.3))
    time.sleep(random.uniform(0.8, 1.4))
    return len(blocks) + shard


JOBS = {
    function.__name__: function
    for function in (
        send_email, deliver_webhook, resize_image, import_catalog, make_invoice, sync_stock,
        send_digest, build_report, nightly_rollup,
    )
}  # fmt: skip
N_PLUS_ONE_JOBS = frozenset({"send_digest"})
