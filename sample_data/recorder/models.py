"""The shop's tables, as an ORM sees them, and the rows they start with."""

from __future__ import annotations

import random
from datetime import datetime
from hashlib import pbkdf2_hmac

from sqlalchemy import Connection, Engine, ForeignKey, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

FIRST = [
    "Ada",
    "Ben",
    "Cleo",
    "Dina",
    "Emil",
    "Faye",
    "Gus",
    "Hana",
    "Ivo",
    "Jana",
    "Kim",
    "Lena",
    "Milo",
    "Nora",
    "Omar",
    "Pia",
]
LAST = ["Adler", "Brandt", "Costa", "Dietz", "Evers", "Fiala", "Gruber", "Horak", "Iversen", "Jansen", "Keller", "Lund"]
ADJECTIVE = ["Blue", "Oak", "Iron", "Soft", "Tall", "Round", "Quiet", "Amber", "Light", "Folding", "Stone", "Linen"]
NOUN = [
    "Lamp",
    "Chair",
    "Kettle",
    "Shelf",
    "Mug",
    "Clock",
    "Rug",
    "Desk",
    "Bowl",
    "Tray",
    "Vase",
    "Stool",
    "Basket",
    "Mirror",
]

CUSTOMERS, PRODUCTS, CATEGORIES, POSTS = 80, 300, 12, 40


class Base(DeclarativeBase):
    """Parent of all tables."""


class Setting(Base):
    """One named value of the shop's configuration."""

    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Customer(Base):
    """Someone with an account."""

    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[str] = mapped_column(deferred=True)
    orders: Mapped[list[Order]] = relationship(back_populates="customer", order_by="Order.id")


class Category(Base):
    """A shelf of the shop."""

    __tablename__ = "category"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Product(Base):
    """A thing for sale; version serves optimistic locking."""

    __tablename__ = "product"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[int]
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"), index=True)
    stock: Mapped[int] = mapped_column(deferred=True)
    version: Mapped[int] = mapped_column(deferred=True)
    category: Mapped[Category] = relationship()
    reviews: Mapped[list[Review]] = relationship(back_populates="product")


class Review(Base):
    """What a customer thinks of a product."""

    __tablename__ = "review"
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    stars: Mapped[int]
    product: Mapped[Product] = relationship(back_populates="reviews")
    customer: Mapped[Customer] = relationship()


class Order(Base):
    """An order of one customer."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    status: Mapped[str]
    customer: Mapped[Customer] = relationship(back_populates="orders")
    items: Mapped[list[Item]] = relationship()


class Item(Base):
    """A line of an order."""

    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    qty: Mapped[int]
    product: Mapped[Product] = relationship()


class Payment(Base):
    """A payment; its details live in one table a kind (joined inheritance)."""

    __tablename__ = "payment"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    kind: Mapped[str]
    amount: Mapped[int]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "cash"}  # noqa: RUF012


class CardPayment(Payment):
    """Paid by card."""

    __tablename__ = "card"
    id: Mapped[int] = mapped_column(ForeignKey("payment.id"), primary_key=True)
    last4: Mapped[str]
    __mapper_args__ = {"polymorphic_identity": "card"}  # noqa: RUF012


class VoucherPayment(Payment):
    """Paid by voucher."""

    __tablename__ = "voucher"
    id: Mapped[int] = mapped_column(ForeignKey("payment.id"), primary_key=True)
    code: Mapped[str]
    __mapper_args__ = {"polymorphic_identity": "voucher"}  # noqa: RUF012


class Post(Base):
    """An article of the shop's blog."""

    __tablename__ = "post"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    author: Mapped[Customer] = relationship()
    comments: Mapped[list[Comment]] = relationship()


class Comment(Base):
    """A reader's comment."""

    __tablename__ = "comment"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id"), index=True)
    body: Mapped[str]


class StockMove(Base):
    """A row that imports write."""

    __tablename__ = "stock_move"
    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
    qty: Mapped[int]
    at: Mapped[datetime]


SETTINGS = {
    "currency": "EUR", "tax_rate": "19", "free_shipping_from": "50", "theme": "plain",
    "banner": "Autumn sale", "max_cart": "40", "gift_wrap": "on", "newsletter": "on",
    "support_mail": "help@shop.example", "guest_checkout": "on", "page_size": "12",
    "maintenance": "off",
}  # fmt: skip


def password_digest(password: str) -> str:
    """Hash a password the way the login page compares it."""
    return pbkdf2_hmac("sha256", password.encode(), b"shop", 8000).hex()


def seed_rows(engine: Engine, rng: random.Random) -> None:
    """Create the tables and fill them."""
    Base.metadata.create_all(engine)
    people = [f"{rng.choice(FIRST)} {rng.choice(LAST)}" for _ in range(CUSTOMERS)]
    digest = password_digest("correct horse")
    rows: dict[type[Base], list[dict[str, object]]] = {
        Setting: [{"name": k, "value": v} for k, v in SETTINGS.items()],
        Customer: [
            {"id": i, "name": n, "email": f"user{i}@mail.example", "digest": digest}
            for i, n in enumerate(people, 1)
        ],
        Category: [{"id": i, "name": f"{NOUN[i]}s"} for i in range(1, CATEGORIES + 1)],
        Product: [
            {"id": i, "name": f"{rng.choice(ADJECTIVE)} {rng.choice(NOUN)} {i}", "version": 1,
             "price": rng.randint(5, 300), "category_id": rng.randint(1, CATEGORIES),
             "stock": 100_000}
            for i in range(1, PRODUCTS + 1)
        ],
        Review: [
            {"product_id": rng.randint(1, PRODUCTS), "customer_id": rng.randint(1, CUSTOMERS),
             "stars": rng.randint(1, 5)}
            for _ in range(900)
        ],
        Post: [
            {"id": i, "title": f"About the {rng.choice(ADJECTIVE).lower()} {rng.choice(NOUN)}",
             "author_id": i}
            for i in range(1, POSTS + 1)
        ],
        Comment: [
            {"post_id": i, "body": f"Nice one, {rng.choice(FIRST)}"}
            for i in range(1, POSTS + 1) for _ in range(rng.randint(1, 4))
        ],
    }  # fmt: skip
    with engine.begin() as conn:
        for table, values in rows.items():
            conn.execute(insert(table), values)
        _seed_orders(conn, rng)


def _seed_orders(connection: Connection, rng: random.Random) -> None:
    orders: list[dict[str, object]] = []
    items, payments, cards, vouchers = orders[:], orders[:], orders[:], orders[:]
    for customer in range(1, CUSTOMERS + 1):
        for _ in range(rng.choice([3, 4, 4, 5, 5, 6, 8, 12, 20])):
            order = len(orders) + 1
            orders.append({"id": order, "customer_id": customer, "status": "sent"})
            items += [
                {"order_id": order, "product_id": rng.randint(1, PRODUCTS), "qty": rng.randint(1, 3)}
                for _ in range(rng.randint(1, 3))
            ]
            pay = {"id": order, "customer_id": customer, "amount": rng.randint(9, 400)}
            if rng.random() < 0.7:
                cards.append({"id": order, "last4": f"{rng.randint(0, 9999):04d}"})
                payments.append({**pay, "kind": "card"})
            else:
                vouchers.append({"id": order, "code": f"V{rng.randint(1000, 9999)}"})
                payments.append({**pay, "kind": "voucher"})
    tables = [Order, Item, Payment, CardPayment, VoucherPayment]
    for table, values in zip(tables, [orders, items, payments, cards, vouchers], strict=True):
        connection.execute(insert(table.__table__), values)  # type: ignore[arg-type]  # declared as a FromClause
