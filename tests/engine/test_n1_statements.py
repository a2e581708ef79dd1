"""What a template is: which key, which table, one row or many."""

from __future__ import annotations

import polars as pl
import pytest

from engine.n1.keys import key_kind, points_to, singular, stem
from engine.n1.statements import related, understand
from storage.fingerprint import templates


def template(sql: str) -> str:
    text = templates(pl.Series([sql]))[0]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("sql", "shape", "table", "key", "kind"),
    [
        ("SELECT * FROM users WHERE id = 7", "lookup", "users", "id", "own"),
        ('SELECT "u"."id" FROM "shop"."users" AS "u" WHERE "u"."id" = $1', "lookup", "shop.users", "id", "own"),
        ("SELECT * FROM `posts` WHERE `posts`.`user_id` = 7 LIMIT 9", "lookup", "posts", "user_id", "foreign"),
        ('SELECT * FROM "Order" WHERE "customerId" = $1', "lookup", "Order", "customerId", "foreign"),
        ("SELECT [p].[Id] FROM [dbo].[Posts] [p] WHERE [p].[BlogId] = @p0", "lookup", "dbo.Posts", "BlogId", "foreign"),
        ("SELECT a FROM item WHERE $1::INTEGER = item.order_id", "lookup", "item", "order_id", "foreign"),
        ("SELECT user.user_id FROM user WHERE user.user_id = 1", "lookup", "user", "user_id", "own"),
        ("SELECT * FROM products WHERE sku = 'a'", "lookup", "products", "sku", "natural"),
        ("SELECT * FROM tags WHERE content_type_id = 7 AND object_id = 1", "lookup", "tags", "object_id", "foreign"),
        ("SELECT * FROM t WHERE id = 1 AND tenant_id = 2", "lookup", "t", "id", "own"),
        ("SELECT * FROM tags WHERE object_id IN (1)", "lookup", "tags", "object_id", "foreign"),
        ("SELECT * FROM tags WHERE object_id IN (1, 2)", "batch", "tags", "object_id", "foreign"),
        ("SELECT * FROM tags WHERE owner_type_id = 7 AND object_id IN (1, 2)", "batch", "tags", "object_id", "foreign"),
        ("SELECT * FROM t WHERE id = ANY($1)", "batch", "t", "id", "own"),
        ("SELECT * FROM users WHERE type IN ('a', 'b') AND id = 3", "lookup", "users", "id", "own"),
        ("SELECT COUNT(*) FROM comments WHERE post_id = 3", "count", "comments", "post_id", "foreign"),
        ("SELECT 1 AS one FROM comments WHERE post_id = 3 LIMIT 1", "exists", "comments", "post_id", "foreign"),
        ("SELECT 1 AS one FROM users WHERE name = 'a' AND id != 3 LIMIT 1", "validation", "users", "name", "natural"),
        ("SELECT (1) AS a FROM users WHERE slug = 'a' LIMIT 1", "validation", "users", "slug", "natural"),
        ("SELECT * FROM jobs WHERE id = 3 FOR UPDATE SKIP LOCKED", "claim", "jobs", "id", "own"),
        ("SELECT * FROM o WHERE shop_id = 1 AND id > 9 ORDER BY id LIMIT 100", "page", "o", "shop_id", "foreign"),
        ("SELECT * FROM posts WHERE created > '2026-01-01'", "range", "posts", "", "none"),
        ("SELECT * FROM posts", "whole", "posts", "", "none"),
        ("EXECUTE p(5)", "call", "", "", "none"),
        ("SELECT get_user($1)", "call", "", "", "none"),
        ("SELECT * FROM users WHERE id = ...", "none", "users", "", "none"),
        ("SELECT * FROM users FORCE NONSENSE (x y z WHERE users.id = 5", "lookup", "users", "id", "own"),
        ("HGETALL user:1", "none", "", "", "none"),
    ],
)  # fmt: skip
def test_a_template_is_understood(sql: str, shape: str, table: str, key: str, kind: str) -> None:
    found = understand(template(sql))
    assert (found.shape, found.table, found.key, found.key_kind) == (shape, table, key, kind)


@pytest.mark.parametrize(
    ("sql", "many", "asks"),
    [
        ("SELECT * FROM posts", True, False),
        ("SELECT * FROM posts WHERE category_id = 1", True, False),
        ("SELECT * FROM posts ORDER BY id LIMIT $1", True, True),
        ("SELECT * FROM posts ORDER BY id LIMIT 20", True, True),
        ("SELECT * FROM posts ORDER BY id LIMIT 1", False, False),
        ("SELECT * FROM posts WHERE id = 1", False, False),
        ("SELECT * FROM posts JOIN tags ON tags.post_id = posts.id WHERE tags.id = 1", True, False),
        ("SELECT * FROM users WHERE email = 'a'", False, False),
        ("SELECT COUNT(*) FROM posts", False, False),
        ("SELECT author_id, COUNT(*) FROM posts GROUP BY author_id", True, False),
    ],
)
def test_one_row_is_told_from_many(sql: str, many: bool, asks: bool) -> None:
    found = understand(template(sql))
    assert (found.many, found.asks_limit) == (many, asks)


@pytest.mark.parametrize(
    ("child", "parent", "relation"),
    [
        ("SELECT * FROM comments WHERE post_id = 1", "SELECT * FROM posts", 3),
        ("SELECT * FROM blog_comment WHERE post_id = 1", "SELECT * FROM blog_post", 3),
        ("SELECT * FROM users WHERE id = 1", "SELECT id, user_id FROM posts", 3),
        ('SELECT * FROM "User" WHERE id = 1', 'SELECT "id", "fromUserId" FROM "Message"', 3),
        ("SELECT * FROM users WHERE id = 1", "SELECT p.id FROM posts p JOIN users u ON u.id = p.writer_id", 2),
        ("SELECT * FROM users WHERE id = 1", "SELECT id, writer_id FROM posts", 1),
    ],
)
def test_names_tell_which_rows_feed_which(child: str, parent: str, relation: int) -> None:
    assert related(understand(template(child)), understand(template(parent))) == relation


def test_names_of_tables_and_keys() -> None:
    assert [singular(t) for t in ("people", "shop.OrderItems", "boxes", "categories", "address", "news_items")] == [
        "person", "order_item", "box", "category", "address", "news_item",
    ]  # fmt: skip
    assert [stem(c) for c in ("author_id", "authorId", "id_author", "name")] == ["author", "author", "author", "name"]
    assert [key_kind(c, "user") for c in ("id", "user_id", "team_id", "email", "")] == [
        "own", "own", "foreign", "natural", "none",
    ]  # fmt: skip
    assert points_to("from_user_id", "social_user")
    assert not points_to("author_id", "users")


def test_a_statement_as_long_as_a_book_is_not_parsed() -> None:
    """It is read by a pattern, at once."""
    long = "SELECT * FROM t WHERE id = ? AND x IN (" + ", ".join(f"c{i}" for i in range(20_000)) + ")"
    found = understand(long)
    assert not found.parsed
    assert found.table == "t"
