"""Pages that load lazily in a loop (N+1), each followed by its eager-loaded twin."""

from __future__ import annotations

from typing import Any

from flask import render_template_string, request
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectin_polymorphic, selectinload

from sample_data.recorder.models import (
    CardPayment,
    Category,
    Item,
    Order,
    Payment,
    Post,
    Product,
    Review,
    VoucherPayment,
)
from sample_data.recorder.shop import customer_id, db, number, page
from sample_data.recorder.tracing import loop


def _orders(*options: Any) -> list[Order]:
    query = select(Order).where(Order.customer_id == customer_id()).order_by(Order.id)
    return list(db().scalars(query.limit(number("rows", 12, 25)).options(*options)))


@page("/orders", "lazy relation in a loop", n_plus_one=True)
def orders() -> str:
    """The customer's orders; each one's lines are loaded lazily."""
    found = _orders()
    loop(len(found))
    return "\n".join(f"{o.id}: {sum(i.qty for i in o.items)} pieces" for o in found)


@page("/account", "eager twin: selectin")
def account() -> str:
    """The same list, its lines loaded with one IN query."""
    found = _orders(selectinload(Order.items))
    return "\n".join(f"{o.id}: {sum(i.qty for i in o.items)} pieces" for o in found)


@page("/orders/full", "nested loops", n_plus_one=True)
def orders_full() -> str:
    """Orders, their lines, and the product of each line: loops within loops."""
    found = _orders()[:6]
    loop(len(found))
    return "\n".join(f"{o.id} {i.product.name} x{i.qty}" for o in found for i in o.items)


@page("/orders/print", "eager twin: selectin chain")
def orders_print() -> str:
    """The same for the printer, in three statements."""
    found = _orders(selectinload(Order.items).joinedload(Item.product))
    return "\n".join(f"{o.id} {i.product.name} x{i.qty}" for o in found for i in o.items)


def _describe(payment: Payment) -> str:
    if isinstance(payment, CardPayment):
        return f"card *{payment.last4}"
    return f"voucher {payment.code}" if isinstance(payment, VoucherPayment) else "cash"


@page("/payments", "polymorphic rows in a loop", n_plus_one=True)
def payments() -> str:
    """Payments of two kinds; each one's own table is read when it is shown."""
    query = select(Payment).where(Payment.customer_id == customer_id()).limit(12)
    found = list(db().scalars(query))
    loop(len(found))
    return "\n".join(f"{p.amount} {_describe(p)}" for p in found)


@page("/payments/list", "eager twin: selectin polymorphic")
def payment_list() -> str:
    """The same, with one IN query for each kind."""
    query = select(Payment).where(Payment.customer_id == customer_id()).limit(12)
    option = selectin_polymorphic(Payment, [CardPayment, VoucherPayment])
    return "\n".join(f"{p.amount} {_describe(p)}" for p in db().scalars(query.options(option)))


@page("/categories", "count in a loop", n_plus_one=True)
def categories() -> str:
    """Every category with its number of products, counted one by one."""
    found = list(db().scalars(select(Category).order_by(Category.name)))
    loop(len(found))
    lines = []
    for category in found:
        query = select(func.count()).select_from(Product)
        count = db().scalar(query.where(Product.category_id == category.id))
        lines.append(f"{category.name} ({count})")
    return "\n".join(lines)


@page("/catalogue", "eager twin: group by")
def catalogue() -> str:
    """The same numbers from one grouped query."""
    query = select(Category.name, func.count(Product.id)).join(Product).group_by(Category.name)
    return "\n".join(f"{name} ({count})" for name, count in db().execute(query))


_BLOG = """{% for p in posts %}<article><h2>{{ p.title }}</h2><p>by {{ p.author.name }},
{{ p.comments|length }} comments</p></article>{% endfor %}"""


def _posts(*options: Any) -> list[Post]:
    start = 5 * number("page", 0, 6)
    query = select(Post).order_by(Post.id).offset(start).limit(number("rows", 5, 10))
    return list(db().scalars(query.options(*options)))


@page("/blog", "lazy relations in a template", n_plus_one=True)
def blog() -> str:
    """Articles whose template asks for author and comments of each."""
    found = _posts()
    loop(len(found))
    return render_template_string(_BLOG, posts=found)


@page("/news", "eager twin: joined and selectin")
def news() -> str:
    """The same template over rows that are already complete."""
    found = _posts(joinedload(Post.author), selectinload(Post.comments))
    return render_template_string(_BLOG, posts=found)


def _ids() -> list[int]:
    raw = request.args.get("ids", "")[:200].split(",")
    return [int(part) for part in raw if part.isdigit() and len(part) < 6]


@page("/wishlist", "get by id in a loop", n_plus_one=True)
def wishlist() -> str:
    """The products of a list, fetched one by one by their key."""
    ids = _ids()
    loop(len(ids))
    found = [db().get(Product, i) for i in ids]
    return "\n".join(p.name for p in found if p is not None)


@page("/compare", "eager twin: chunked IN prefetch")
def compare() -> str:
    """The same products, fetched in chunks of a few keys."""
    ids = sorted(_ids())
    names: list[str] = []
    for start in range(0, len(ids), 4):
        query = select(Product).where(Product.id.in_(ids[start : start + 4]))
        names += [p.name for p in db().scalars(query)]
    return "\n".join(names)


@page("/reviews", "alternating lazy relations", n_plus_one=True)
def reviews() -> str:
    """The latest reviews; reviewer and product are read for each."""
    query = select(Review).order_by(Review.id.desc()).offset(number("start", 0, 800))
    found = list(db().scalars(query.limit(number("rows", 5, 12))))
    loop(len(found))
    return "\n".join(f"{r.customer.name} on {r.product.name}: {r.stars}" for r in found)


@page("/ratings", "eager twin: joined")
def ratings() -> str:
    """The same in one joined statement."""
    query = select(Review).order_by(Review.id.desc()).offset(number("start", 0, 800))
    query = query.options(joinedload(Review.customer), joinedload(Review.product))
    return "\n".join(f"{r.customer.name}: {r.stars}" for r in db().scalars(query.limit(10)))
