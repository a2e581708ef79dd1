"""The contract of a detector: a pure function of events in event time.

    events --features--> one row a subject --score--> score in 0..1, a reason in words, evidence

Both steps are lazy Polars over whole tables; there is no Python loop over rows. A subject's verdict depends only on
events from `lookback` before its window to `settle` after it, so the same log gives the same predictions whether it was
tailed a line at a time or read from an archive a year later (`tests/engine/test_live_and_archive.py`).
The threshold is applied afterwards, in one place (`engine/pipeline.py`), in float64: a stored score can be judged again
under any threshold without running the detector again.

A detector is one file in `engine/detectors/` with exactly one subclass of `Detector`. It is found by name, and
`tests/engine/test_every_detector.py` holds each to this page.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, ClassVar, Literal

import polars as pl

from engine.about import About
from storage.discovery import member_class, member_names
from storage.errors import ConfigError, UsageError
from storage.schema import TIME

VERDICT = pl.Schema(
    {"subject": pl.String(), "window_start": TIME, "window_end": TIME, "score": pl.Float64(), "reason": pl.String(),
     "evidence": pl.String()}
)  # fmt: skip
"""What `score` must return at least, one row a subject and window; `evidence` is JSON text."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The cut-off a score is held against (`score >= value` flags), and the range that tuning may move it in."""

    default: float
    low: float
    high: float
    step: float = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """A detector's settings; a subclass adds fields with defaults and a sentence under each."""

    threshold: float
    """The cut-off, applied after scoring."""


class Detector(ABC):
    """One detector; an instance is bound to its settings and holds no other state."""

    name: ClassVar[str]
    version: ClassVar[str]
    title: ClassVar[str]
    """One line for people."""
    about: ClassVar[About]
    """Definition, features, evidence and blind spots, for docs/detectors.md."""
    table: ClassVar[str]
    """The table of the lake that it reads."""
    subject: ClassVar[str]
    """What one verdict is about, in words."""
    settle: ClassVar[timedelta]
    """How long after a subject's `window_end` (event time) its verdict is final."""
    span: ClassVar[timedelta]
    """The longest that one subject's window lasts."""
    lookback: ClassVar[timedelta]
    """How far before a subject's `window_start` events still matter."""
    grid: ClassVar[timedelta | None] = None
    """Windows end at whole multiples of this only, counted from the epoch; None: at any moment."""
    threshold: ClassVar[Threshold]
    alert_accuracy: ClassVar[float]
    """Accuracy under this raises an alert."""
    alert_severity: ClassVar[Literal["warning", "critical"]]
    settings_type: ClassVar[type[Settings]]

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings if settings is not None else self.settings_type(threshold=self.threshold.default)

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> Detector:
        """The detector with `config` over its defaults. Raises ConfigError naming the nearest known key."""
        known = {f.name: f for f in fields(cls.settings_type)}
        for key in config:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
                raise ConfigError(f"{cls.name} has no setting {key!r}{hint}")
        defaults = asdict(cls.settings_type(threshold=cls.threshold.default))
        values: dict[str, Any] = {}
        for key, value in (defaults | dict(config)).items():
            kind = type(defaults[key])
            if kind is bool:
                if not isinstance(value, bool):
                    raise ConfigError(f"{cls.name}: {key} must be true or false, not {value!r}")
                values[key] = value
                continue
            try:
                values[key] = kind(value)
            except (TypeError, ValueError):
                raise ConfigError(f"{cls.name}: {key} must be {kind.__name__}, not {value!r}") from None
        if not 0.0 <= values["threshold"] <= 1.0:
            raise ConfigError(f"{cls.name}: threshold must be between 0 and 1, not {values['threshold']}")
        return cls(cls.settings_type(**values))

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The default settings as a plain dict, threshold included."""
        return asdict(cls.settings_type(threshold=cls.threshold.default))

    @classmethod
    def learnt_from(cls) -> str:
        """sha256 of the data that what ships was trained on; empty where nothing is learnt."""
        return ""

    @abstractmethod
    def features(self, events: pl.LazyFrame, since: datetime | None = None) -> pl.LazyFrame:
        """One row a subject and window: `subject`, `window_start`, `window_end`, then the features.

        `events` has every column of the table, in any order of rows, perhaps with duplicates. A feature that cannot
        be known is null. Windows that end before `since` were judged earlier: they may be left out, which spares a
        live step their cost, but their events count for later ones as ever.
        """

    @abstractmethod
    def score(self, features: pl.LazyFrame) -> pl.LazyFrame:
        """`features` with `score` (0..1, never null), `reason` (words for the person on call) and `evidence` (JSON).

        Every further column is kept with the prediction as a feature.
        """


@functools.cache
def names() -> tuple[str, ...]:
    """The names of all detectors, found without importing them."""
    import engine.detectors as package

    return member_names(package)


@functools.cache
def load(name: str) -> type[Detector]:
    """The detector class of that name. Raises UsageError naming the detectors there are."""
    if name not in names():
        near = get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names())}"
        raise UsageError(f"no model {name!r}; {hint}")
    import engine.detectors as package

    found = member_class(package, name, Detector)  # type: ignore[type-abstract]  # the base stands for its kinds
    if found.name != name:
        raise TypeError(f"{found.__module__} must name its detector {name!r}, not {found.name!r}")
    return found
