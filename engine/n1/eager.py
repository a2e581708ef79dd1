"""What to write instead of a loop, in the words of the object mapper at hand: one file of templates, one function to
fill them.

A relation is told by the names in its SQL, so what comes out is a proposal in the stack's conventions: a model is its
table's singular in camel case, a relation to one is named by its foreign key, a relation to many by its table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.n1.keys import plural, points_to, singular, stem
from engine.n1.statements import Statement

Relation = Literal["to one", "to many", "count", "exists", "by keys"]
"""What a loop asks of each row: its one owner, its many children, how many, whether any; or rows by keys without a
parent."""


@dataclass(frozen=True, slots=True)
class Names:
    """What fills the templates: `Parent` and `Child` models, `parent` and `child` in snake case, the relation's name
    `rel`, the child's table, its `key`.
    """

    parent: str
    child: str
    rel: str
    table: str
    key: str

    def filled(self, text: str) -> str:
        """`text` with its `<names>` in place."""
        words = {
            "Parent": camel(self.parent), "Child": camel(self.child), "parent": self.parent, "child": self.child,
            "rel": self.rel, "Rel": camel(self.rel), "relCamel": _lower_camel(self.rel), "table": self.table,
            "key": self.key, "keyCamel": _lower_camel(self.key), "p": self.parent[:1], "KeyCamel": camel(self.key),
        }  # fmt: skip
        for word, value in words.items():
            text = text.replace(f"<{word}>", value)
        return text


CALLS: Mapping[Relation, Mapping[str, str]] = {
    "to one": {
        "SQLAlchemy": "select(<Parent>).options(joinedload(<Parent>.<rel>))",
        "Django": '<Parent>.objects.select_related("<rel>")',
        "Rails": "<Parent>.includes(:<rel>)",
        "Laravel": "<Parent>::with('<relCamel>')->get()",
        "Doctrine": "$qb->select('p', 'r')->from(<Parent>::class, 'p')->leftJoin('p.<relCamel>', 'r')",
        "Hibernate": "select p from <Parent> p left join fetch p.<relCamel>",
    },
    "to many": {
        "SQLAlchemy": "select(<Parent>).options(selectinload(<Parent>.<rel>))",
        "Django": '<Parent>.objects.prefetch_related("<rel>")',
        "Rails": "<Parent>.preload(:<rel>)",
        "Laravel": "<Parent>::with('<relCamel>')->get()",
        "Doctrine": "$qb->select('p', 'r')->from(<Parent>::class, 'p')->leftJoin('p.<relCamel>', 'r')",
        "Hibernate": "@BatchSize(size = 100) on <Parent>.<relCamel>, or: "
        "select distinct p from <Parent> p left join fetch p.<relCamel>",
    },
    "count": {
        "SQLAlchemy": "select(<Parent>, func.count(<Child>.id)).outerjoin(<Parent>.<rel>).group_by(<Parent>.id)",
        "Django": '<Parent>.objects.annotate(<rel>_count=Count("<rel>"))',
        "Rails": "belongs_to :<parent>, counter_cache: true  # in <Child>; then <parent>.<rel>.size",
        "Laravel": "<Parent>::withCount('<relCamel>')->get()",
        "Doctrine": "$qb->select('p', 'COUNT(r.id)')->from(<Parent>::class, 'p')"
        "->leftJoin('p.<relCamel>', 'r')->groupBy('p.id')",
        "Hibernate": "select p, count(r) from <Parent> p left join p.<relCamel> r group by p",
    },
    "exists": {
        "SQLAlchemy": "select(<Parent>, <Parent>.<rel>.any())",
        "Django": '<Parent>.objects.annotate(has_<rel>=Exists(<Child>.objects.filter(<key>=OuterRef("pk"))))',
        "Rails": "<Child>.where(<key>: <parent>_ids).distinct.pluck(:<key>).to_set",
        "Laravel": "<Parent>::withExists('<relCamel>')->get()",
        "Doctrine": "$qb->select('p', 'COUNT(r.id)')->from(<Parent>::class, 'p')"
        "->leftJoin('p.<relCamel>', 'r')->groupBy('p.id')",
        "Hibernate": "select p, exists (select 1 from <Child> c where c.<keyCamel> = p.id) from <Parent> p",
    },
    "by keys": {
        "SQLAlchemy": "session.scalars(select(<Child>).where(<Child>.<key>.in_(keys)))",
        "Django": "<Child>.objects.filter(<key>__in=keys)",
        "Rails": "<Child>.where(<key>: keys).index_by(&:<key>)",
        "Laravel": "<Child>::whereIn('<key>', $keys)->get()->keyBy('<key>')",
        "Doctrine": "$em->getRepository(<Child>::class)->findBy(['<keyCamel>' => $keys])",
        "Hibernate": "select c from <Child> c where c.<keyCamel> in :keys",
    },
}


def calls(child: Statement, parent: Statement | None) -> dict[str, str]:
    """The call that loads what `child` asks for together with `parent`, by stack."""
    names = names_of(child, parent)
    return {stack: names.filled(text) for stack, text in CALLS[relation(child, parent)].items()}


def relation(child: Statement, parent: Statement | None) -> Relation:
    """What the loop asks of each of the parent's rows."""
    if parent is None or not parent.table or child.key_kind not in ("own", "foreign"):
        return "by keys"
    if child.key_kind == "own":
        return "to one"
    if child.shape == "count":
        return "count"
    return "exists" if child.shape == "exists" else "to many"


def names_of(child: Statement, parent: Statement | None) -> Names:
    """The names of both sides by the stacks' conventions; a parent is the table that the child's key names, if any
    does.
    """
    owner = parent.table if parent is not None else ""
    if parent is not None and child.key_kind == "foreign":
        owner = next((table for table in parent.tables if points_to(child.key, table)), owner)
    table = child.table.rsplit(".", 1)[-1]
    rel = table.lower() if singular(table) != table.lower() else plural(table.lower())
    if child.key_kind == "own":
        columns = parent.foreign_columns if parent is not None else ()
        named = [c for c in columns if points_to(c, child.table)] or (list(columns) if len(columns) == 1 else [])
        rel = stem(named[0]) if named else singular(table)
    return Names(singular(owner), singular(table), rel, table, child.key or "id")


def camel(name: str) -> str:
    """`order_item` -> `OrderItem`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _lower_camel(name: str) -> str:
    big = camel(name)
    return big[:1].lower() + big[1:]
