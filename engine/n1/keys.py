"""What the names of columns and tables tell: which column is a key, of what sort, and which table it points to."""

from __future__ import annotations

import re
from typing import Literal

KeyKind = Literal["own", "foreign", "natural", "none"]
"""own: the table's primary key; foreign: another table's; natural: a name, a code, a type; none: no key."""

OWN_KEY = re.compile(r"(?i)^_?(id|pk|uuid|guid|uid|oid|rowid)$")
FOREIGN_KEY = re.compile(
    r"(?i:_(id|pk|fk|uuid|guid|uid|oid|no|nr|num|number|ref)$)|[a-z0-9](Id|ID|Uuid|UUID|Guid|Pk|Fk)$|^(?i:id|fk|pk)_"
)
UNIQUE_NAME = re.compile(
    r"(?i)(^|_)(name|key|code|slug|email|login|username|token|identifier|handle|isbn|sku|hash|path|url)$"
)
"""Natural keys that mostly find one row."""

_AFFIX = re.compile(r"^(id|fk|pk)_|_(id|pk|fk|uuid|guid|uid|oid|no|nr|num|number|ref)$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLURALS = (("people", "person"), ("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"))


def singular(table: str) -> str:
    """The bare singular name of a table in snake case: `shop.OrderItems` -> `order_item`. Knows English plurals
    only.
    """
    name = _CAMEL.sub("_", table.rsplit(".", 1)[-1]).lower()
    for plural, one in _PLURALS:
        if name.endswith(plural):
            return name[: -len(plural)] + one
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def plural(name: str) -> str:
    """The plural of a singular name, by the rules most object mappers use: `category` -> `categories`, `box` ->
    `boxes`.
    """
    if name.endswith("y") and name[-2:-1] not in ("a", "e", "i", "o", "u", ""):
        return name[:-1] + "ies"
    return name + ("es" if name.endswith(("s", "x", "ch", "sh")) else "s")


def stem(column: str) -> str:
    """A key's name without what says that it is one: `author_id`, `authorId`, `id_author` -> `author`."""
    return _AFFIX.sub("", _CAMEL.sub("_", column).lower())


def last_word(name: str) -> str:
    """The last word of a name, singular: `social_users` -> `user`; application prefixes go."""
    return singular(name).rsplit("_", 1)[-1]


def key_kind(column: str, table: str) -> KeyKind:
    """What sort of key `column` is for a look-up in `table`; SQLAlchemy names a primary key `user.user_id`."""
    if not column:
        return "none"
    one = singular(table)
    if OWN_KEY.search(column) or column.lower() in (f"{one}_id", f"{one}id", f"id_{one}"):
        return "own"
    return "foreign" if FOREIGN_KEY.search(column) else "natural"


def points_to(column: str, table: str) -> bool:
    """Whether a foreign key's name points to `table`: `from_user_id` and `social_user`, `postId` and `Post`."""
    return last_word(stem(column)) == last_word(table)


def tells_type(column: str) -> bool:
    """Whether a column tells the type of a polymorphic owner (`content_type_id`), which all turns of a loop share."""
    return "type" in column.lower()
