"""Ways out of a loop: the SQL runs and gives the same rows, the calls name the right relation."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
import sqlglot

from engine.n1 import eager
from engine.n1.rewrites import batch, join
from engine.n1.suggestions import REFERENCE_TTL_S, ROW_TTL_S, suggest
from storage.fingerprint import templates

STACKS = {"SQLAlchemy", "Django", "Rails", "Laravel", "Doctrine", "Hibernate"}


def template(sql: str) -> str:
    text = templates(pl.Series([sql]))[0]
    assert isinstance(text, str)
    return text


@pytest.fixture
def shop() -> Iterator[sqlite3.Connection]:
    """Three authors, four posts, six comments, tags by way of a link table."""
    connection = sqlite3.connect(":memory:")
    connection.executescript("""
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER, title TEXT);
        CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER, text TEXT);
        CREATE TABLE tags (id INTEGER PRIMARY KEY, label TEXT);
        CREATE TABLE posts_tags (post_id INTEGER, tag_id INTEGER);
        INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cy');
        INSERT INTO posts VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, 3, 'd');
        INSERT INTO comments VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 2, 'z'), (4, 3, 'u'), (5, 3, 'v'), (6, 3, 'w');
        INSERT INTO tags VALUES (1, 'red'), (2, 'blue');
        INSERT INTO posts_tags VALUES (1, 1), (1, 2), (3, 2);
    """)
    yield connection
    connection.close()


CHILDREN = [
    ("SELECT * FROM comments WHERE post_id = 1", "post_id"),
    ("SELECT c.text FROM comments c WHERE 1 = c.post_id ORDER BY c.id", "post_id"),
    ('SELECT "comments".* FROM "comments" WHERE "comments"."post_id" IN (1)', "post_id"),
    ("SELECT t.label FROM tags t JOIN posts_tags l ON l.tag_id = t.id WHERE l.post_id = 1", "post_id"),
    ("SELECT * FROM users WHERE id = 1 LIMIT 21", "id"),
]


@pytest.mark.parametrize(("sql", "key"), CHILDREN)
def test_the_batch_gives_what_the_loop_gave(shop: sqlite3.Connection, sql: str, key: str) -> None:
    """The same rows, each with the key of its owner."""
    rewritten = batch(template(sql), "sqlite")
    assert rewritten is not None
    assert sqlglot.parse_one(rewritten, read="sqlite").sql("sqlite", pretty=True) == rewritten
    cursor = shop.execute(rewritten, (1, 2, 3))
    names = [column[0] for column in cursor.description]
    found = {k: [r for r in rows if r[names.index(key)] == k] for rows in [cursor.fetchall()] for k in (1, 2, 3)}
    looped = template(sql).replace("LIMIT ?", "")
    for k in (1, 2, 3):
        one = shop.execute(looped, (k,)).fetchall()
        assert sorted(row[: len(one[0])] for row in found[k]) == sorted(one) if one else found[k] == []


def test_counts_and_checks_become_one_row_a_key(shop: sqlite3.Connection) -> None:
    counted = batch(template("SELECT COUNT(*) FROM comments WHERE post_id = 1"), "sqlite")
    assert counted is not None
    assert dict(shop.execute(counted, (1, 2, 4)).fetchall()) == {1: 2, 2: 1}
    checked = batch(template("SELECT 1 AS one FROM comments WHERE post_id = 1 LIMIT 1"), "sqlite")
    assert checked is not None
    assert shop.execute(checked, (1, 2, 4)).fetchall() == [(1,), (2,)]


def test_the_first_rows_of_each_owner_are_ranked(shop: sqlite3.Connection) -> None:
    sql = batch(template("SELECT * FROM comments WHERE post_id = 1 ORDER BY id DESC LIMIT 1"), "sqlite")
    assert sql is not None
    assert sorted(row[0] for row in shop.execute(sql, (1, 2, 3))) == [2, 3, 6]
    bound = batch("SELECT * FROM comments WHERE post_id = ? ORDER BY id LIMIT ?", "sqlite")
    assert bound is not None
    assert sorted(row[0] for row in shop.execute(bound, (1, 2, 3, 2))) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("child", "parent", "parameters", "rows"),
    [
        ("SELECT * FROM users WHERE id = 1", "SELECT id, author_id, title FROM posts ORDER BY id LIMIT 3", (3,), 3),
        ("SELECT * FROM comments WHERE post_id = 1", "SELECT * FROM posts", (), 7),
        ("SELECT id FROM comments WHERE post_id = 1 AND text <> 'x'", "SELECT id FROM posts WHERE id < 3", (3, "x"), 2),
        ("SELECT COUNT(*) FROM comments WHERE post_id = 1", "SELECT id AS post FROM posts", (), 4),
        (CHILDREN[3][0], "SELECT * FROM posts", (), 5),
    ],
)  # fmt: skip
def test_the_join_gives_each_row_of_the_list_with_its_own(
    shop: sqlite3.Connection, child: str, parent: str, parameters: tuple[Any, ...], rows: int
) -> None:
    sql = join(template(child), template(parent), "sqlite")
    assert sql is not None
    assert sqlglot.parse_one(sql, read="sqlite")
    assert len(shop.execute(sql, parameters).fetchall()) == rows


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        ("SELECT * FROM users WHERE id = 1", "SELECT title FROM posts"),
        ("SELECT * FROM comments WHERE owner_id = 1", "SELECT * FROM posts"),
        ("SELECT * FROM comments WHERE post_id = 1 ORDER BY id LIMIT 1", "SELECT * FROM posts"),
        ("SELECT * FROM comments WHERE post_id = 1", "SELECT * FROM posts WHERE ..."),
        ("SELECT * FROM comments WHERE post_id = 1", "UPDATE posts SET a = 1"),
    ],
)
def test_no_join_where_names_do_not_tell_on_what(child: str, parent: str) -> None:
    assert join(template(child), template(parent)) is None


@pytest.mark.parametrize("sql", ["EXECUTE p(5)", "SELECT * FROM t", "SELECT * FROM t WHERE a = ...", "no (", "~"])
def test_nothing_is_rewritten_that_is_not_understood(sql: str) -> None:
    assert batch(template(sql)) is None
    assert suggest({"template": template(sql), "parent": None, "count": 9, "distinct_params": 9}) == []


@pytest.mark.parametrize("dialect", ["postgres", "mysql", "sqlite", "tsql"])
def test_every_dialect_can_read_what_it_is_given(dialect: str) -> None:
    for sql, _ in CHILDREN:
        rewritten = batch(template(sql), dialect)
        assert rewritten is not None
        assert sqlglot.parse_one(rewritten.replace("%s", "1"), read=dialect)


def test_a_finding_gets_a_join_a_list_and_the_calls_of_six_stacks() -> None:
    ways = suggest({
        "template": "SELECT * FROM users WHERE id = ?", "parent": "SELECT id, author_id FROM posts",
        "count": 12, "distinct_params": 12,
    })  # fmt: skip
    assert [way.kind for way in ways] == ["join", "batch", "eager load"]
    calls = ways[2].calls
    assert set(calls) == STACKS
    assert calls["SQLAlchemy"] == "select(Post).options(joinedload(Post.author))"
    assert calls["Django"] == 'Post.objects.select_related("author")'
    assert calls["Rails"] == "Post.includes(:author)"
    assert calls["Laravel"] == "Post::with('author')->get()"
    assert calls["Hibernate"] == "select p from Post p left join fetch p.author"


@pytest.mark.parametrize(
    ("child", "parent", "django"),
    [
        ("SELECT * FROM comments WHERE post_id = ?", "SELECT * FROM posts",
         'Post.objects.prefetch_related("comments")'),
        ("SELECT * FROM reply WHERE post_id = ?", "SELECT * FROM post", 'Post.objects.prefetch_related("replies")'),
        ("SELECT COUNT(*) FROM comments WHERE post_id = ?", "SELECT * FROM posts",
         'Post.objects.annotate(comments_count=Count("comments"))'),
        ("SELECT * FROM order_items WHERE id = ?", None, "OrderItem.objects.filter(id__in=keys)"),
    ],
)  # fmt: skip
def test_the_call_fits_the_relation(child: str, parent: str | None, django: str) -> None:
    ways = suggest({"template": child, "parent": parent, "count": 9, "distinct_params": 9})
    assert ways[-1].calls["Django"] == django


def test_every_relation_has_a_call_for_every_stack_and_no_name_left_open() -> None:
    names = eager.Names("post", "comment", "comments", "comments", "post_id")
    for calls in eager.CALLS.values():
        assert set(calls) == STACKS
        assert not [text for text in calls.values() if "<" in names.filled(text).replace("->", "")]


def test_the_same_values_again_are_cached_not_rewritten() -> None:
    same = suggest({"template": "SELECT * FROM users WHERE id = ?", "parent": None, "count": 30, "distinct_params": 1})
    assert [(way.kind, way.key, way.ttl_s) for way in same] == [("cache", "users:id:{id}", ROW_TTL_S)]
    settings = suggest({
        "template": "SELECT * FROM settings WHERE name = ?", "parent": None, "count": 13, "distinct_params": 13,
    })  # fmt: skip
    assert (settings[0].kind, settings[0].key, settings[0].ttl_s) == ("cache", "settings:name:{name}", REFERENCE_TTL_S)
    often = suggest({"template": "SELECT * FROM users WHERE id = ?", "parent": None, "count": 90, "distinct_params": 6})
    assert often[-1].kind == "cache"
