"""A statement's template understood as a tree: what it reads, by which key, and whether it can return many rows.

Parsing is a thousand times dearer than a regular expression, so it is done once a distinct template and remembered.
A template that no dialect can parse (cut short, a vendor's own syntax) is read by a few regular expressions instead.
"""

from __future__ import annotations

import functools
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sqlglot import exp

Verb = Literal["select", "write", "noise", "call", "other"]
Shape = Literal["lookup", "exists", "validation", "batch", "range", "whole", "claim", "none"]
KeyKind = Literal["own", "foreign", "natural", "none"]


@dataclass(frozen=True, slots=True)
class Statement:
    """What one template is.

    `shape`: lookup (rows for one value of a key), exists (only whether there are any, or how many), validation (is this value
    taken?), batch (rows for a list of keys), range (no key, but values), whole (no values at all), claim (rows are locked to be
    worked on), none (no query). `key_kind`: own (the table's primary key), foreign, natural (a name, a code), none.
    `many`: may return several rows. `asks_limit`: its LIMIT is a bound value, so `many` depends on the parameter.
    """

    verb: Verb
    shape: Shape
    table: str
    key: str
    key_kind: KeyKind
    many: bool
    asks_limit: bool
    tables: tuple[str, ...]
    foreign_columns: tuple[str, ...]
    parsed: bool


_NOISE = re.compile(
    r"~?\s*(begin|start transaction|commit|rollback|savepoint|release|set|show|reset|discard|pragma|explain|describe|desc|use|"
    r"analyze|vacuum|lock|unlock|listen|unlisten|notify|deallocate|close|fetch|move|declare|checkpoint|create|alter|drop|"
    r"truncate|grant|revoke|comment|connect|quit|ping|prepare|xa|end)\b",
    re.IGNORECASE,
)
_WRITE = re.compile(r"~?\s*(insert|update|delete|replace|merge|copy|load|upsert)\b", re.IGNORECASE)
_CALL = re.compile(r"~?\s*(exec|execute|call|do)\b", re.IGNORECASE)
_CATALOG = re.compile(
    r"\b(pg_catalog|information_schema|sqlite_master|sqlite_version|sqlite_schema|pg_(class|type|attribute|index|namespace|"
    r"constraint|enum|range|proc|settings|database|roles|stat_\w+)|schema_migrations|ar_internal_metadata|django_migrations|"
    r"alembic_version|flyway_schema_history|databasechangelog\w*|doctrine_migration_versions|performance_schema|mysql\.)",
    re.IGNORECASE,
)
_FRAMEWORK_CALL = re.compile(
    r"~?\s*select\s+(1|\?|version\(\)|current_\w+(\(\))?|now\(\)|@@[\w.]+|\?\.?\w*|database\(\)|pg_\w+\([^)]*\)|last_insert_id\(\)|"
    r"set_config\([^)]*\)|nextval\([^)]*\))(\s+as\s+\S+)?\s*$",
    re.IGNORECASE,
)
_OWN_KEY = re.compile(r"(?i)^_?(id|pk|uuid|guid|uid|oid|rowid|object_?id|key_?id)$")
_FOREIGN_KEY = re.compile(r"(?i:_(id|pk|fk|uuid|guid|uid|oid|no|nr|num|number|ref)$)|[a-z0-9](Id|ID|Uuid|UUID|Guid|Pk|Fk)$|^(?i:id|fk|pk)_")
_UNIQUE_NAME = re.compile(r"(?i)(^|_)(name|key|code|slug|email|login|username|token|identifier|handle|isbn|sku|hash|path|url)$")
_PLAIN_SELECT = re.compile(
    r"(?is)^~?\s*(?:with\b.*?\)\s*)?select\b(?P<what>.*?)\bfrom\s+(?P<table>[\w.\"`\[\]]+)(?P<rest>.*)$"
)
_PLAIN_KEY = re.compile(r"(?i)([\w\"`\[\]]+)\s*(?:=\s*(?:any\s*\()?|in\s*)\s*(\(\?\+\)|\(\s*\?\s*\)|\?)")


def singular(table: str) -> str:
    """The bare singular name of a table: `shop.order_items` -> `order_item`; a heuristic for English plurals."""
    name = table.rsplit(".", 1)[-1].lower()
    for plural, one in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("people", "person")):
        if name.endswith(plural):
            return name[: -len(plural)] + one
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def key_kind(column: str, table: str) -> KeyKind:
    """What sort of key a column name is, for a look-up in `table`."""
    if not column:
        return "none"
    if _OWN_KEY.search(column) or column.lower() in (f"{singular(table)}_id", f"{singular(table)}id", f"id_{singular(table)}"):
        return "own"
    return "foreign" if _FOREIGN_KEY.search(column) else "natural"


@functools.lru_cache(maxsize=65_536)
def understand(template: str) -> Statement:
    """The statement that a template (`storage.fingerprint`) stands for."""
    if _NOISE.match(template) or _CATALOG.search(template) or _FRAMEWORK_CALL.match(template):
        return _bare("noise")
    if _WRITE.match(template):
        return _bare("write")
    if _CALL.match(template):
        return _bare("call", shape="lookup" if "?" in template else "none")
    tree = None if template.startswith("~") else parse(template)
    from sqlglot import exp

    if isinstance(tree, exp.Query):
        return _from_tree(tree)
    return _from_text(template)


def parse(template: str) -> exp.Expression | None:
    """The tree of a template, by the dialect that its quotes suggest; None where it does not parse."""
    import sqlglot

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    text = template.replace("(?+)", "(?, ?)")
    for dialect in ("mysql",) if "`" in text else ("tsql",) if "[" in text and "]." in text else ("postgres", "mysql"):
        try:
            return sqlglot.parse_one(text, read=dialect)
        except (sqlglot.errors.SqlglotError, RecursionError):
            continue
    return None


def _bare(verb: Verb, shape: Shape = "none") -> Statement:
    return Statement(verb, shape, "", "", "none", False, False, (), (), verb != "other")


def _from_tree(query: exp.Query) -> Statement:
    from sqlglot import exp

    select = query.find(exp.Select) if not isinstance(query, exp.Select) else query
    tables = tuple(dict.fromkeys(t.sql().replace('"', "").split(" ")[0] for t in query.find_all(exp.Table)))
    if select is None or not tables:
        return _bare("noise") if select is not None else _bare("other")
    source = select.args.get("from_") or select.args.get("from")
    main = source.find(exp.Table) if source is not None else None
    table = ".".join(part.name for part in main.parts) if main is not None else tables[0]
    keys = _keys(query, main)
    key, listed = _best_key(keys, table)
    kind = key_kind(key, table)
    limit = query.args.get("limit") or select.args.get("limit")
    one_row = limit is not None and re.search(r"(?i)\b(limit|first|next|top)\s*\(?1\b", limit.sql()) is not None
    counted = _only_aggregates(select)
    shape = _shape(query, keys, (kind, listed), counted)
    many = not one_row and not counted and shape not in ("exists", "validation", "claim") and (
        listed or kind in ("foreign", "none") or (kind == "natural" and not _UNIQUE_NAME.search(key))
    )  # fmt: skip
    columns = tuple(dict.fromkeys(c.name.lower() for c in query.find_all(exp.Column) if _FOREIGN_KEY.search(c.name)))
    names = tuple(dict.fromkeys(t.name.lower() for t in query.find_all(exp.Table)))
    asks = limit is not None and not one_row and limit.find(exp.Placeholder) is not None
    return Statement("select", shape, table, key, kind, many, asks, names, columns, True)


def _keys(query: exp.Query, main: exp.Table | None) -> list[tuple[str, bool, bool]]:
    """Columns held equal to a value anywhere in the query: name, whether to a list of several, whether at the top level.

    The primary key of a joined table is named as a foreign one (`projects.id` -> `projects_id`): it fixes another row.
    """
    from sqlglot import exp

    def name_of(column: exp.Column) -> str:
        other = column.table and main is not None and column.table not in (main.alias, main.name)
        return f"{column.table}_{column.name}" if other and _OWN_KEY.search(column.name) else column.name

    found: list[tuple[str, bool, bool]] = []
    for node in query.find_all(exp.EQ, exp.In, exp.NullSafeEQ):
        top = node.find_ancestor(exp.Select) is query or not isinstance(query, exp.Select)
        column = node.this if isinstance(node.this, exp.Column) else None
        if isinstance(node, exp.In):
            values = node.expressions
            if column is not None and values and all(_is_value(v) for v in values):
                found.append((name_of(column), len(values) > 1, top))
            continue
        other = node.expression
        if column is None and isinstance(other, exp.Column):
            column, other = other, node.this
        if column is None:
            continue
        if isinstance(other, exp.Any):
            found.append((name_of(column), True, top))
        elif _is_value(other):
            found.append((name_of(column), False, top))
    return found


def _is_value(node: exp.Expression) -> bool:
    from sqlglot import exp

    while isinstance(node, exp.Cast | exp.Paren | exp.Neg):
        node = node.this
    return isinstance(node, exp.Placeholder | exp.Parameter | exp.Literal)


_KIND_RANK = {"foreign": 0, "own": 1, "natural": 2, "none": 3}


def _best_key(keys: list[tuple[str, bool, bool]], table: str) -> tuple[str, bool]:
    """The key that decides which rows come: an id before a name, the top level before a subquery, a list before one value."""
    keys = [k for k in keys if k[2] or key_kind(k[0], table) != "natural"]
    if not keys:
        return "", False
    ranked = sorted(
        keys, key=lambda k: (key_kind(k[0], table) == "natural", not k[2], not k[1], _is_type(k[0]), _KIND_RANK[key_kind(k[0], table)])
    )
    return ranked[0][0], ranked[0][1]


def _is_type(column: str) -> bool:
    """Whether a column tells the type of a polymorphic owner (`content_type_id`), which is the same for all of a loop."""
    return "type" in column.lower()


def _only_aggregates(select: exp.Select) -> bool:
    from sqlglot import exp

    if select.args.get("group"):
        return False
    return bool(select.expressions) and all(
        isinstance(e.unalias(), exp.AggFunc | exp.Literal | exp.Placeholder)
        or (isinstance(e.unalias(), exp.Paren) and isinstance(e.unalias().this, exp.Literal))
        for e in select.expressions
    )


def _shape(query: exp.Query, keys: list[tuple[str, bool, bool]], best: tuple[KeyKind, bool], counted: bool) -> Shape:
    from sqlglot import exp

    kind, listed = best
    lock = next(iter(query.find_all(exp.Lock)), None)
    if lock is not None:
        return "claim"
    if kind == "none":
        return "range" if query.find(exp.Placeholder) else "whole"
    if listed:
        return "batch"
    if not counted:
        return "lookup"
    selected = query.find(exp.Select)
    probing = selected is not None and not any(isinstance(e.unalias(), exp.AggFunc) for e in selected.expressions)
    excludes_itself = any(_OWN_KEY.search(n.this.name) for n in query.find_all(exp.NEQ) if isinstance(n.this, exp.Column))
    return "validation" if probing and (kind == "natural" or excludes_itself) else "exists"


def _from_text(template: str) -> Statement:
    """What a few regular expressions can tell of a query that does not parse."""
    match = _PLAIN_SELECT.match(template)
    if match is None:
        return _bare("other")
    table = re.sub(r"[\"`\[\]]", "", match["table"])
    keys = [(re.sub(r"[\"`\[\]]", "", c).rsplit(".", 1)[-1], v == "(?+)", True) for c, v in _PLAIN_KEY.findall(match["rest"])]
    key, listed = _best_key(keys, table)
    kind = key_kind(key, table)
    cut = template.startswith("~")
    shape: Shape = "none" if cut else "batch" if listed else "lookup" if key else "range" if "?" in template else "whole"
    many = listed or kind in ("foreign", "none")
    return Statement("select", shape, table, key, kind, many, False, (table.lower(),), (), False)


def related(child: Statement, parent: Statement) -> int:
    """How surely rows of `parent` feed `child`: 3 their names say so, 2 it reads the same table, 1 nothing speaks against it.

    A child by foreign key names the parent's table (`comments.post_id` and `posts`); a child by its own key is named by the
    parent's columns (`users.id` and `posts.user_id`).
    """
    if child.key_kind == "foreign" and _last_word(_stem(child.key)) in {_last_word(singular(t)) for t in parent.tables}:
        return 3
    if child.key_kind == "own":
        wanted = _last_word(singular(child.table))
        if any(_last_word(_stem(column)) == wanted for column in parent.foreign_columns):
            return 3
    return 2 if child.table.rsplit(".", 1)[-1].lower() in parent.tables else 1


def _stem(column: str) -> str:
    """A key's name without what says that it is one: `author_id`, `authorId`, `id_author` -> `author`."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).lower()
    return re.sub(r"^(id|fk|pk)_|_(id|pk|fk|uuid|guid|uid|oid|no|nr|num|number|ref)$", "", snake)


def _last_word(name: str) -> str:
    return singular(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).rsplit("_", 1)[-1]
