"""A loop's statement rewritten as one: for a list of keys, or joined to the query that feeds it.

Both start from the tree of the template and give SQL in the reader's dialect. What cannot be rewritten safely (no key
at the top level, cut short, a parent that does not select its key) gives None. Bound values stay `?` (`%s` in
PostgreSQL's drivers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.n1.keys import OWN_KEY, key_kind, points_to, singular
from engine.n1.statements import Statement, parse, understand

if TYPE_CHECKING:
    from sqlglot import exp

SHOWN_KEYS = 3
"""Places for keys that a rewritten list shows; a real one has as many as there are rows, some hundred at a time."""


def batch(template: str, dialect: str = "postgres", keys: int = SHOWN_KEYS) -> str | None:
    """The statement for a list of keys: `= ?` becomes `IN (?, ...)`, the key is selected so that rows find their owner.

    Counts are grouped by the key, a check becomes the keys that are there, and the first rows of each owner are ranked.
    """
    found = _loop_query(template)
    if found is None:
        return None
    statement, query, condition, column = found
    from sqlglot import exp

    condition.replace(exp.In(this=column.copy(), expressions=[exp.Placeholder() for _ in range(keys)]))
    if statement.shape in ("count", "exists"):
        return _sql(_per_key(query, column), dialect)
    _with_column(query, column)
    limit = query.args.get("limit")
    if statement.key_kind == "own" or limit is None:
        query.set("limit", None)
        query.set("offset", None)
        return _sql(query, dialect)
    return _sql(_ranked(query, column), dialect)


def join(template: str, parent: str, dialect: str = "postgres") -> str | None:
    """The statement joined to its parent, or None where names do not tell on what.

    The parent stays whole, as a derived table, for its limit counts its own rows and not the joined ones.
    """
    found, source = _loop_query(template), parse(parent) if not parent.startswith("~") else None
    from sqlglot import exp

    if found is None or not isinstance(source, exp.Select) or understand(parent).shape in ("count", "exists", "none"):
        return None
    statement, query, condition, column = found
    if statement.key_kind == "own":
        key = _foreign_key_to(statement.table, source, understand(parent))
    else:
        key = _own_key(source) if related_names(statement, understand(parent)) else None
    if key is None or (statement.shape == "lookup" and query.args.get("limit") and statement.key_kind != "own"):
        return None
    condition.replace(exp.true())
    if statement.shape in ("count", "exists"):
        query = _per_key(query, column)
    else:
        _with_column(query, column)
        for part in ("limit", "offset", "order"):
            query.set(part, None)
    joined = (
        exp.select("parent.*", "child.*")
        .from_(_plain(source).subquery("parent"))
        .join(_child(_tidy(query)), on=f"child.{_name(column)} = parent.{key}", join_type="left")
    )
    return _sql(joined, dialect)


def related_names(child: Statement, parent: Statement) -> bool:
    """Whether the child's key names one of the parent's tables."""
    return any(points_to(child.key, table) for table in parent.tables)


def _loop_query(template: str) -> tuple[Statement, exp.Select, exp.Expr, exp.Column] | None:
    """The tree of a template that asks by one key, with the condition that does and its column."""
    from sqlglot import exp

    statement = understand(template)
    query = parse(template) if statement.parsed and statement.shape in ("lookup", "count", "exists") else None
    if not isinstance(query, exp.Select) or statement.key_kind == "none" or query.args.get("group"):
        return None
    query = _plain(query)
    for node in query.find_all(exp.EQ, exp.In):
        if node.find_ancestor(exp.Select) is not query:
            continue
        sides = (node.this, node.args.get("expression"))
        for column in sides:
            if isinstance(column, exp.Column) and _is_key(column, statement) and node.find(exp.Placeholder):
                return statement, query, node, column
    return None


def _is_key(column: exp.Column, statement: Statement) -> bool:
    joined = OWN_KEY.search(column.name) and f"{singular(column.table)}_id" == statement.key
    return column.name == statement.key or bool(joined)


def _plain(query: exp.Select) -> exp.Select:
    """`query` with its named places as plain ones."""
    from sqlglot import exp

    changed = query.transform(lambda node: exp.Placeholder() if isinstance(node, exp.Placeholder) else node)
    assert isinstance(changed, exp.Select)
    return changed


def _with_column(query: exp.Select, column: exp.Column) -> None:
    """Select `column` too, unless it or a star is there."""
    from sqlglot import exp

    chosen = [e.unalias() for e in query.expressions]
    star = any(isinstance(e, exp.Star) or (isinstance(e, exp.Column) and isinstance(e.this, exp.Star)) for e in chosen)
    single = not query.args.get("joins")
    there = any(isinstance(e, exp.Column) and e.name == column.name and e.alias_or_name == column.name for e in chosen)
    if not there and not (star and single):
        query.select(column.copy(), copy=False)


def _per_key(query: exp.Select, column: exp.Column) -> exp.Select:
    """A count or check as one row a key."""
    from sqlglot import exp

    counts = [e.copy() for e in query.expressions if e.find(exp.AggFunc)]
    for part in ("limit", "offset", "order"):
        query.set(part, None)
    query.set(
        "expressions", [column.copy(), *(c if c.alias else exp.alias_(c, f"n{i}") for i, c in enumerate(counts, 1))]
    )
    return query.group_by(column.copy(), copy=False)


def _ranked(query: exp.Select, column: exp.Column) -> exp.Select:
    """The first rows of each key: the limit becomes a rank within the key."""
    from sqlglot import exp

    limit, order = query.args["limit"].expression.copy(), query.args.get("order")
    for part in ("limit", "offset", "order"):
        query.set(part, None)
    rank = exp.Window(this=exp.RowNumber(), partition_by=[column.copy()], order=order.copy() if order else None)
    query.select(exp.alias_(rank, "place"), copy=False)
    return exp.select("*").from_(query.subquery("ranked")).where(exp.LTE(this=exp.column("place"), expression=limit))


def _foreign_key_to(table: str, source: exp.Select, parent: Statement) -> str | None:
    """The column of the parent that names `table`, or its only foreign key; it must be selected."""
    from sqlglot import exp

    selected = [e for e in source.expressions if isinstance(e.unalias(), exp.Column)]
    names = [e.alias_or_name for e in selected if key_kind(e.unalias().name, parent.table) == "foreign"]
    named = [name for name in names if points_to(name, table)]
    if named:
        return str(named[0])
    if len(names) == 1:
        return str(names[0])
    return f"{singular(table)}_id" if not names and _has_star(source) else None


def _own_key(source: exp.Select) -> str | None:
    """The parent's primary key as it is selected; `id` where it selects everything."""
    from sqlglot import exp

    table = source.find(exp.Table)
    owner = table.name if table is not None else ""
    for expression in source.expressions:
        column = expression.unalias()
        if key_kind(column.name, owner) == "own":
            return str(expression.alias_or_name)
    return "id" if _has_star(source) else None


def _has_star(source: exp.Select) -> bool:
    from sqlglot import exp

    return any(e.find(exp.Star) is not None and not e.find(exp.AggFunc) for e in source.expressions)


def _tidy(query: exp.Select) -> exp.Select:
    """`query` without the conditions that became true."""
    from sqlglot import exp
    from sqlglot.optimizer.simplify import simplify

    simpler = simplify(query)
    assert isinstance(simpler, exp.Select)
    where = simpler.args.get("where")
    if where is not None and where.this.sql().upper() == "TRUE":
        simpler.set("where", None)
    return simpler


def _child(query: exp.Select) -> exp.Expr:
    """`query` to be joined as `child`: the bare table where it reads all of one."""
    from sqlglot import exp

    plain = not any(query.args.get(part) for part in ("where", "joins", "group", "distinct", "with_", "laterals"))
    if plain and len(query.expressions) == 1 and _has_star(query):
        table = query.find(exp.Table)
        if table is not None:
            return exp.alias_(table.copy(), "child", table=True)
    return query.subquery("child")


def _name(column: exp.Column) -> str:
    return f'"{column.name}"' if column.this.args.get("quoted") else str(column.name)


def _sql(query: exp.Expr, dialect: str) -> str:
    return str(query.sql(dialect=dialect, pretty=True))
