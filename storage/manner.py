"""In what manner files are landed: how often, in which zone, from what format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.format import Keys
from storage.masking import Masking


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often things happen, in seconds, and what is kept meanwhile."""

    sweep_s: float = 1.0
    """A file is looked at at least so often, whatever events say."""
    commit_s: float = 0.9
    """At most one commit in so long while rows keep coming: the source is the write-ahead log."""
    idle_s: float = 1.0
    """A last record is landed as it is when its file has not grown for so long; it is replaced if more comes."""
    rotate_wait_s: float = 5.0
    """A file that left its place is read for so long after its last byte: writers switch late."""
    backoff_s: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
    """Pauses between tries while the home cannot be written."""
    deleted_bytes: int = 1 << 30
    """Deleted files that have not landed whole are kept up to this size while the home cannot be written."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What is rarely changed about a landing."""

    time_zone: str = "UTC"
    """IANA name of the zone of times that name none."""
    keys: Keys = ()
    """Key names of JSON lines that are not the lake's own, each with the column that it means."""
    rhythm: Rhythm = field(default_factory=Rhythm)
    masking: Masking = field(default_factory=Masking)
    """What is masked before anything is written; secrets by default."""
    keep_days: Mapping[str, float] = field(default_factory=dict)
    """Days after which rows of a table go; tables that are not named stay for ever."""
    poll: bool = False
    """Whether to look without being told: file systems of a network send no events, and may keep no folder's times."""
