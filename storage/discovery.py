"""Found by name: a package whose modules each hold exactly one class of a kind. There is no list to keep.

Names are those of the modules with `-` for `_`; a module whose name begins with `_` helps the others and is no member.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def member_names(package: ModuleType) -> tuple[str, ...]:
    """The names of a package's members, in order, found without importing them."""
    found = (info.name for info in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name.replace("_", "-") for name in found if not name.startswith("_")))


def member_class(package: ModuleType, name: str, kind: type[T]) -> type[T]:
    """The one class of `kind` that the member `name` defines. Raises TypeError where there is none or several."""
    module = importlib.import_module(f"{package.__name__}.{name.replace('-', '_')}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, kind)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define exactly one {kind.__name__}, not {len(found)}")
    return found[0]
