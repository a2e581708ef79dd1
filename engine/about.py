"""What a detector says of itself: the parts of docs/detectors.md that no code can be read for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """Words on a detector; a conformance test holds `features` against the columns that it gives."""

    definition: str
    """What is flagged and what is not, in a few sentences."""
    features: Mapping[str, str]
    """Every column kept with a prediction, and what it says."""
    evidence: Mapping[str, str]
    """The keys of the evidence."""
    blind_spots: tuple[str, ...]
    """What it is known not to see, or to see wrongly."""
