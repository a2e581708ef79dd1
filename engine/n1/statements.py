"""A statement's template understood as a tree: what it reads, by which key, and whether it can return many rows.

Parsing is a thousand times dearer than a regular expression, so it is done once a distinct template, only for
templates that are repeated or may feed a repetition, and remembered. A template that no dialect can parse (cut short,
a vendor's own syntax) is read by two regular expressions instead.
"""

from __future__ import annotations

import functools
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.n1.keys import OWN_KEY, UNIQUE_NAME, KeyKind, key_kind, last_word, points_to, singular, tells_type

if TYPE_CHECKING:
    from sqlglot import exp

Shape = Literal["lookup", "count", "exists", "validation", "batch", "page", "range", "whole", "claim", "call", "none"]
"""lookup: rows for one value of a key; count: how many, or another aggregate;
exists: whether there are any; validation: is this value taken?;
batch: rows for a list of keys; page: the next part of a long list; range: values but no key; whole: no values; claim:
rows are locked to be worked on; call: a prepared statement or procedure; none: no query, or cut short."""

PARSE_LIMIT = 20_000
"""Characters from which a template is not parsed: no person and no ORM writes a loop's query that long."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one template is.

    `key` is the column that decides which rows come, `many` whether several may; `asks_limit` says that its LIMIT is a
    bound value, so that `many` depends on the parameter. `tables` and `foreign_columns` are lower case, in order of
    mention.
    """

    shape: Shape
    table: str = ""
    key: str = ""
    key_kind: KeyKind = "none"
    many: bool = False
    asks_limit: bool = False
    tables: tuple[str, ...] = ()
    foreign_columns: tuple[str, ...] = ()
    parsed: bool = False

    @property
    def loops(self) -> bool:
        """Whether a repetition with other values can be a loop."""
        return self.shape in ("lookup", "count", "exists", "call")


@dataclass(frozen=True, slots=True)
class _Held:
    """A column held equal to a value: `listed` to one of several, `top` outside of subqueries."""

    column: str
    listed: bool
    top: bool


_CALL = re.compile(r"(?i)^~?\s*(exec|execute|call)\b")
_PLAIN_SELECT = re.compile(r"(?is)\bselect\b.*?\bfrom\s+(?P<table>[\w.\"`\[\]]+)(?P<rest>.*)$")
_PLAIN_KEY = re.compile(r"(?i)([\w\"`\[\]]+)\s*(?:=\s*(?:any\s*\()?|in\s*)\s*(\(\?\+\)|\(\s*\?\s*\)|\?)")
_PLAIN_KEY_LAST = re.compile(r"\?(?:::\w+)?\s*=\s*(?:[\w\"`\[\]]+\.)?([A-Za-z_\"`\[][\w\"`\[\]]*)")
_QUOTES = re.compile(r"[\"`\[\]]")
_ONE_ROW = re.compile(r"(?i)\b(limit|first|next|top)\s*\(?1\b")


@functools.lru_cache(maxsize=65_536)
def understand(template: str) -> Statement:
    """The statement that a template (`storage.fingerprint`) stands for."""
    if _CALL.match(template):
        return Statement("call" if "?" in template else "none")
    from sqlglot import exp

    tree = None if template.startswith("~") or len(template) > PARSE_LIMIT else parse(template)
    if isinstance(tree, exp.Query):
        return _from_tree(tree)
    return _from_text(template) if tree is None else Statement("none", parsed=True)


def parse(template: str) -> exp.Expr | None:
    """The tree of a template, by the dialect that its quotes suggest; None where it does not parse.

    Values become `:v`, for `?` is an operator of PostgreSQL and takes no cast; a template with that operator is tried
    as is."""
    import sqlglot

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    text = template.replace("(?+)", "(?, ?)")
    dialects = ("mysql",) if "`" in text else ("tsql",) if "]." in text else ("postgres", "mysql")
    for candidate in (text.replace("?", ":v"), text):
        for dialect in dialects:
            try:
                return sqlglot.parse_one(candidate, read=dialect)
            except (sqlglot.errors.SqlglotError, RecursionError):
                continue
    return None


def related(child: Statement, parent: Statement) -> int:
    """How surely rows of `parent` feed `child`: 3 their names say so, 2 it reads the same table, 1 nothing speaks for
    it.

    A child by foreign key names the parent's table (`comments.post_id` and `posts`); a child by its own key is named
    by the parent's columns (`users.id` and `posts.user_id`).
    """
    if child.key_kind == "foreign" and any(points_to(child.key, table) for table in parent.tables):
        return 3
    if child.key_kind == "own" and any(points_to(column, child.table) for column in parent.foreign_columns):
        return 3
    return 2 if last_word(child.table) in {last_word(table) for table in parent.tables} else 1


def _from_tree(query: exp.Query) -> Statement:
    from sqlglot import exp

    select = query if isinstance(query, exp.Select) else query.find(exp.Select)
    found = list(query.find_all(exp.Table))
    if select is None:
        return Statement("none", parsed=True)
    if not found:
        return Statement("call" if query.find(exp.Placeholder) else "none", parsed=True)
    source = select.args.get("from_") or select.args.get("from")
    main = source.find(exp.Table) if source is not None else found[0]
    main = main or found[0]
    table = ".".join(part.name for part in main.parts)
    held = _held(query, main)
    best = _deciding(held, table)
    kind = key_kind(best.column, table)
    limit = query.args.get("limit") or select.args.get("limit")
    one_row = limit is not None and _ONE_ROW.search(limit.sql()) is not None
    counted = _only_aggregates(select)
    shape = _shape(query, best, kind, counted)
    several = best.listed or kind in ("foreign", "none") or (kind == "natural" and not UNIQUE_NAME.search(best.column))
    columns = dict.fromkeys(c.name for c in query.find_all(exp.Column) if key_kind(c.name, "") == "foreign")
    return Statement(
        shape=shape,
        table=table,
        key=best.column,
        key_kind=kind,
        many=several and not one_row and not counted and shape not in ("validation", "claim"),
        asks_limit=limit is not None and not one_row and limit.find(exp.Placeholder) is not None,
        tables=tuple(dict.fromkeys(t.name for t in found)),
        foreign_columns=tuple(columns),
        parsed=True,
    )


def _held(query: exp.Query, main: exp.Table) -> list[_Held]:
    """Columns held equal to values anywhere in the query.

    The primary key of a joined table is named as a foreign one (`projects.id` -> `projects_id`): it fixes another row.
    """
    from sqlglot import exp

    def name(column: exp.Column) -> str:
        other = column.table and column.table not in (main.alias, main.name)
        return f"{singular(column.table)}_id" if other and OWN_KEY.search(column.name) else column.name

    found: list[_Held] = []
    for node in query.find_all(exp.EQ, exp.In, exp.NullSafeEQ):
        top = node.find_ancestor(exp.Select) is query or not isinstance(query, exp.Select)
        left, right = node.this, node.args.get("expression")
        if isinstance(node, exp.In):
            if isinstance(left, exp.Column) and node.expressions and all(map(_is_value, node.expressions)):
                found.append(_Held(name(left), len(node.expressions) > 1, top))
            continue
        column, value = (left, right) if isinstance(left, exp.Column) else (right, left)
        if isinstance(column, exp.Column) and (isinstance(value, exp.Any) or _is_value(value)):
            found.append(_Held(name(column), isinstance(value, exp.Any), top))
    return found


def _is_value(node: object) -> bool:
    from sqlglot import exp

    while isinstance(node, exp.Cast | exp.Paren | exp.Neg):
        node = node.this
    return isinstance(node, exp.Placeholder | exp.Parameter | exp.Literal)


_KIND_RANK = {"own": 0, "foreign": 1, "natural": 2, "none": 3}


def _deciding(held: list[_Held], table: str) -> _Held:
    """The key that decides which rows come: an id before a name, the top level before a subquery, a list before one
    value.

    A name in a subquery decides nothing (`EXISTS (... AND module.name = ?)`).
    """
    kinds = {key: key_kind(key.column, table) for key in held}
    ranked = sorted(
        (key for key in held if key.top or kinds[key] != "natural"),
        key=lambda k: (kinds[k] == "natural", not k.top, not k.listed, tells_type(k.column), _KIND_RANK[kinds[k]]),
    )
    return ranked[0] if ranked else _Held("", False, True)


def _only_aggregates(select: exp.Select) -> bool:
    """Whether a query returns one row whatever it finds: COUNT(*), `SELECT 1`, without GROUP BY."""
    from sqlglot import exp

    if select.args.get("group") or not select.expressions:
        return False
    plain = [e.unalias() for e in select.expressions]
    plain = [e.this if isinstance(e, exp.Paren) else e for e in plain]
    return all(isinstance(e, exp.AggFunc | exp.Literal | exp.Placeholder) for e in plain)


def _shape(query: exp.Query, best: _Held, kind: KeyKind, counted: bool) -> Shape:
    from sqlglot import exp

    if query.find(exp.Lock):
        return "claim"
    if kind == "none":
        return "range" if query.find(exp.Placeholder) else "whole"
    if best.listed:
        return "batch"
    if kind != "own" and _next_page(query):
        return "page"
    if not counted:
        return "lookup"
    select = query.find(exp.Select)
    if select is None or any(isinstance(e.unalias(), exp.AggFunc) for e in select.expressions):
        return "count"
    other_rows = (n.this for n in query.find_all(exp.NEQ) if isinstance(n.this, exp.Column))
    excludes_itself = any(OWN_KEY.search(column.name) for column in other_rows)
    return "validation" if kind == "natural" or excludes_itself else "exists"


def _next_page(query: exp.Query) -> bool:
    """Whether a query reads on where the last one ended: an own key beyond a value, in order, up to a limit."""
    from sqlglot import exp

    if not (query.args.get("limit") and query.args.get("order")):
        return False
    bounds = query.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE)
    return any(
        isinstance(n.this, exp.Column) and OWN_KEY.search(n.this.name) and _is_value(n.expression) for n in bounds
    )


def _from_text(template: str) -> Statement:
    """What two regular expressions can tell of a query that does not parse; of one cut short only its table."""
    match = _PLAIN_SELECT.search(template)
    if match is None:
        return Statement("none")
    table = _QUOTES.sub("", match["table"])
    tables = (table.rsplit(".", 1)[-1],)
    if template.startswith("~"):
        return Statement("none", table=table, tables=tables)
    held = [
        _Held(_QUOTES.sub("", c).rsplit(".", 1)[-1], v == "(?+)", True) for c, v in _PLAIN_KEY.findall(match["rest"])
    ]
    best = _deciding(held, table)
    kind = key_kind(best.column, table)
    shape: Shape = "batch" if best.listed else "lookup" if held else "range" if "?" in template else "whole"
    return Statement(shape, table, best.column, kind, best.listed or kind in ("foreign", "none"), tables=tables)
