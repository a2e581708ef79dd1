"""The shop's other pages: single rows, searches, login, and loops that are no N+1."""

from __future__ import annotations

import hmac
import time
from typing import Any

from flask import Response, abort, redirect, request
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import joinedload, undefer

from sample_data.recorder.models import (
    CATEGORIES,
    Category,
    Customer,
    Order,
    Payment,
    Post,
    Product,
    Review,
    Setting,
    password_digest,
)
from sample_data.recorder.shop import customer_id, db, page

_home: dict[str, Any] = {"until": 0.0, "text": ""}


def setting(name: str) -> str | None:
    """One value of the configuration, asked for wherever it is needed."""
    return db().scalar(select(Setting.value).where(Setting.name == name))


def current_user() -> Customer | None:
    """The customer, asked for again by every part of the page."""
    query = select(Customer).where(Customer.id == customer_id())
    return db().scalars(query.execution_options(populate_existing=True)).first()


@page("/", "eager: joined")
def home() -> str:
    """The front page; kept in memory for two seconds."""
    if time.monotonic() > _home["until"]:
        query = select(Product).options(joinedload(Product.category)).limit(8)
        rows = [f"{p.name} in {p.category.name}" for p in db().scalars(query)]
        _home["text"] = "\n".join([setting("banner") or "", *rows])
        _home["until"] = time.monotonic() + 2.0
    return str(_home["text"])


@page("/category/<key>", "list of one category")
def category(key: str) -> str:
    """A category's first products."""
    if not key.isdigit() or not 0 < int(key) <= CATEGORIES:
        abort(404)
    shelf = db().get(Category, int(key))
    query = select(Product).where(Product.category_id == int(key)).order_by(Product.price)
    rows = [f"{p.name} {p.price}" for p in db().scalars(query.limit(12))]
    return "\n".join([shelf.name if shelf else "", *rows])


@page("/product/<int:key>", "single row, lazy relations")
def product(key: int) -> str:
    """A product, its category and its reviews: single objects, nothing to batch."""
    found = db().get(Product, key)
    if found is None:
        abort(404)
    stars = [r.stars for r in found.reviews]
    return f"{found.name} {found.price} in {found.category.name}, {len(stars)} reviews"


@page("/search", "search")
def search() -> str:
    """Products whose name holds the words, parameters bound."""
    words = request.args.get("q", "")[:120].replace("\0", "")
    query = select(Product).where(Product.name.ilike(f"%{words}%")).limit(10)
    return "\n".join(p.name for p in db().scalars(query)) or "Nothing found."


@page("/item", "single row")
def item() -> Response | str:
    """A legacy link: the id goes to the database as text, and a bad one is its error."""
    raw = request.args.get("id", "0")[:120].replace("\0", "")
    if setting("maintenance") == "on":
        return "closed"
    try:
        name = db().scalar(text("SELECT name FROM product WHERE id = CAST(:id AS integer)"), {"id": raw})
    except DBAPIError:
        return Response("Something went wrong.", 500)
    return str(name or "No such product.")


@page("/login", "login", methods=("GET",))
def login_form() -> str:
    """The form, without the database."""
    return "<form method=post><input name=email><input name=password type=password></form>"


@page("/login", "login", methods=("POST",))
def login() -> Any:
    """Compare a password; a wrong one is a 401."""
    query = select(Customer).where(Customer.email == request.form.get("email", "")[:80])
    found = db().scalars(query.options(undefer(Customer.digest))).first()
    given = password_digest(request.form.get("password", "")[:80])
    if found is None or not hmac.compare_digest(found.digest, given):
        return Response("Wrong e-mail or password.", 401)
    answer = redirect("/account")
    answer.set_cookie("uid", str(found.id))
    return answer


@page("/cart", "same query repeated")
def cart() -> str:
    """Header, greeting, vouchers, address and footer each look up the same customer."""
    names = [user.name for user in (current_user() for _ in range(5)) if user]
    return "\n".join([f"Max {setting('max_cart')}", *names])


@page("/checkout", "settings by name")
def checkout() -> str:
    """A page whose parts read their own settings."""
    tax, free = setting("tax_rate"), setting("free_shipping_from")
    user = current_user()
    guest, wrap, mail = setting("guest_checkout"), setting("gift_wrap"), setting("newsletter")
    return f"{user and user.name} {tax} {free} {guest} {wrap} {mail} {setting('currency')}"


@page("/status", "different counts")
def status() -> str:
    """One count a table: many statements, none of them twice."""
    tables = (Customer, Product, Order, Payment, Review, Post)
    return "\n".join(f"{t.__tablename__} {db().scalar(select(func.count()).select_from(t))}" for t in tables)


@page("/healthz", "health check")
def healthz() -> str:
    """Is the database there?"""
    return str(db().scalar(select(1)))


@page("/sitemap.xml", "sitemap")
def sitemap() -> Response:
    """Every product's address, for crawlers."""
    ids = db().scalars(select(Product.id).order_by(Product.id).limit(100))
    body = "".join(f"<url><loc>http://shop.example/product/{i}</loc></url>" for i in ids)
    return Response(f"<urlset>{body}</urlset>", mimetype="application/xml")
