"""SQL templates: values go, structure stays."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.fingerprint import digest, fingerprint, fingerprints, plain, template, templates


def one(sql: str) -> str:
    text = templates(pl.Series([sql]))[0]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM users WHERE id = 7", "SELECT * FROM users WHERE id = ?"),
        ("SELECT * FROM users WHERE id = '7' ;", "SELECT * FROM users WHERE id = ?"),
        ("SELECT * FROM users WHERE id = $12", "SELECT * FROM users WHERE id = ?"),
        ("SELECT * FROM t WHERE a = %s AND b = %(b)s", "SELECT * FROM t WHERE a = ? AND b = ?"),
        ("SELECT * FROM t WHERE a = :name AND b = @p1 AND c = :1", "SELECT * FROM t WHERE a = ? AND b = ? AND c = ?"),
        ("SELECT * FROM [dbo].[t] WHERE [t].[id] = @p0", "SELECT * FROM [dbo].[t] WHERE [t].[id] = ?"),
        ("SELECT a::int FROM t WHERE b = $1::uuid", "SELECT a::int FROM t WHERE b = ?::uuid"),
        ("SELECT *\n\tFROM  t\r\nWHERE x = 1.5e-3", "SELECT * FROM t WHERE x = ?"),
        ("SELECT * FROM t WHERE a = -5 AND b > -1.5 AND c BETWEEN -1 AND +2",
         "SELECT * FROM t WHERE a = ? AND b > ? AND c BETWEEN ? AND ?"),
        ("SELECT t0_r1, md5(x) FROM orders_2024 t0", "SELECT t0_r1, md5(x) FROM orders_2024 t0"),
        ("SELECT a FROM t WHERE 0x1F AND e = E'a\\'b' OR n = N'x'", "SELECT a FROM t WHERE ? AND e = ? OR n = ?"),
        ("SELECT $$it's$$, $q$ it's $q$", "SELECT ?, ?"),
    ],
)  # fmt: skip
def test_values_become_question_marks(sql: str, expected: str) -> None:
    assert one(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM t WHERE id IN (1)", "SELECT * FROM t WHERE id IN (?)"),
        ("SELECT * FROM t WHERE id IN (1, 2,3)", "SELECT * FROM t WHERE id IN (?+)"),
        ("SELECT * FROM t WHERE id IN ($1, $2)", "SELECT * FROM t WHERE id IN (?+)"),
        ("INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')", "INSERT INTO t (a, b) VALUES (?+)"),
        ("INSERT INTO t (a) VALUES (1), (2)", "INSERT INTO t (a) VALUES (?)"),
    ],
)
def test_a_list_of_several_is_told_from_a_list_of_one(sql: str, expected: str) -> None:
    assert one(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM t LIMIT 1", "SELECT * FROM t LIMIT 1"),
        ("SELECT * FROM t LIMIT 21", "SELECT * FROM t LIMIT ?"),
        ("SELECT TOP(1) * FROM t", "SELECT TOP(1) * FROM t"),
        ("SELECT * FROM t FETCH FIRST 1 ROWS ONLY", "SELECT * FROM t FETCH FIRST 1 ROWS ONLY"),
        ("SELECT 1 AS one FROM t WHERE id = 1 LIMIT 1", "SELECT 1 AS one FROM t WHERE id = ? LIMIT 1"),
        ("SELECT (1) AS a FROM t LIMIT 1 OFFSET 40", "SELECT (1) AS a FROM t LIMIT 1 OFFSET ?"),
    ],
)
def test_asking_for_one_row_is_kept(sql: str, expected: str) -> None:
    assert one(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 FROM t /* web:7 'it''s */ WHERE a = 2", "SELECT 1 FROM t WHERE a = ?"),
        ("-- it's a comment\nSELECT a FROM t", "SELECT a FROM t"),
        ("SELECT '/* no comment */' FROM t -- end", "SELECT ? FROM t"),
        ('SELECT "a--b" FROM t', 'SELECT "a--b" FROM t'),
    ],
)
def test_comments_go_but_not_what_only_looks_like_one(sql: str, expected: str) -> None:
    assert one(sql) == expected


def test_double_quotes_are_names_in_postgresql_and_strings_in_mysql() -> None:
    assert one('SELECT "users"."id" FROM "users" JOIN "posts" ON "users"."id" = "posts"."user_id"').count('"') == 16
    assert one('SELECT `u`.`id` FROM `u` WHERE `u`.`name` = "bob" AND a = 2') == (
        "SELECT `u`.`id` FROM `u` WHERE `u`.`name` = ? AND a = ?"
    )
    assert one('select * from u where name = "bob"') == "select * from u where name = ?"


@pytest.mark.parametrize(
    "sql", ["SELECT a FROM t WHERE x = ...", "SELECT a FROM t WHERE x = 'cut here", "SELECT a, b…"]
)
def test_a_statement_cut_short_is_marked(sql: str) -> None:
    assert one(sql).startswith("~SELECT a")


def test_plain_keeps_values_and_drops_comments() -> None:
    assert plain(pl.Series(["SELECT 'a' /* b */", None])).to_list() == ["SELECT 'a' ", None]


def test_a_fingerprint_ignores_values_and_case_and_is_stable() -> None:
    """Stored in the lake, so it may not change between releases."""
    found = fingerprints(pl.Series(["SELECT 1 FROM T WHERE a = 2", "select 1 from t where a = 'x'", None]))
    assert found[0] == found[1] == digest("select 1 from t where a = ?") == "e5bb20f52fe9bec6"
    assert found[2] is None


def test_expressions_agree_with_the_functions_under_the_streaming_engine() -> None:
    sql = [f"SELECT * FROM t{i % 7} WHERE id = {i} /* {i} */" for i in range(500)]
    frame = pl.LazyFrame({"sql": sql}).with_columns(
        template(pl.col("sql")).alias("template"), fingerprint(pl.col("sql")).alias("fingerprint")
    )
    for engine in ("streaming", "in-memory"):
        rows = frame.collect(engine=engine)
        assert rows["template"].to_list() == templates(pl.Series(sql)).to_list()
        assert rows["fingerprint"].to_list() == fingerprints(pl.Series(sql)).to_list()


words = st.text(alphabet="abc xyz'\"`\\$%:@?(),;-*/=1079\n.\x00é", max_size=60)


@settings(max_examples=60, deadline=None)
@given(st.lists(words, min_size=1, max_size=8))
def test_each_template_depends_on_its_statement_alone(texts: list[str]) -> None:
    """Whatever stands beside it in the batch: the same template, and never an error."""
    together = templates(pl.Series(texts, dtype=pl.String)).to_list()
    assert together == [templates(pl.Series([text], dtype=pl.String))[0] for text in texts]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 10**12), words.filter(lambda w: "'" not in w and "\\" not in w))
def test_only_values_differ_so_templates_are_equal(one_id: int, other_id: int, text: str) -> None:
    asked = "SELECT * FROM t WHERE id = {} AND name = '{}' AND z IN ({}, 5)"
    assert one(asked.format(one_id, text, one_id)) == one(asked.format(other_id, "bob", other_id))
