"""The payload signals: what a hand-written pattern says about a unit, in the words of the person on call.

One file a family of attacks; each holds `SIGNALS`. They are found by name, there is no list to keep.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import replace

from engine.waf.signals.ascii import narrowed
from engine.waf.signals.contract import Signal


@functools.cache
def all_signals() -> tuple[Signal, ...]:
    """Every signal, by file name and then in the order written. Raises TypeError where two share a name."""
    found: list[Signal] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in ("ascii", "contract")):
        found += importlib.import_module(f"{__name__}.{module}").SIGNALS
    names = [signal.name for signal in found]
    if len(set(names)) != len(names):
        raise TypeError(f"signal names are not unique: {sorted(n for n in names if names.count(n) > 1)}")
    return tuple(replace(signal, pattern=narrowed(signal.pattern)) for signal in found)


__all__ = ["Signal", "all_signals"]
