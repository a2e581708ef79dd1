"""The payload model: a logistic regression over the payload signals, kept as plain arrays.

It is trained by `engine.waf.train` and read here with numpy alone; no pickle, no scikit-learn. What a signal adds to
the log-odds is its weight, so every verdict can be taken apart.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from engine.waf.signals import all_signals
from storage.errors import InputError

SHIPPED = Path(__file__).parent / "model" / "payload.npz"
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PayloadModel:
    """Weights by part, and where they come from. `slope` and `offset` turn log-odds into a calibrated probability."""

    signals: dict[str, float]
    intercept: float
    slope: float = 1.0
    offset: float = 0.0
    data_sha256: str = ""
    trained_on: dict[str, int] = field(default_factory=dict)
    """Rows used a data set."""

    def signal_weights(self) -> Vector:
        """One weight a signal, in the order of `all_signals`; a signal the model does not know weighs nothing."""
        return np.array([self.signals.get(signal.name, 0.0) for signal in all_signals()], dtype=np.float64)

    def fingerprint(self) -> str:
        """The same for models that judge alike."""
        told = json.dumps([self.signals, self.intercept, self.slope, self.offset], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write the model as `.npz` without pickled objects."""
        about = {"intercept": self.intercept, "slope": self.slope, "offset": self.offset,
                 "data_sha256": self.data_sha256, "trained_on": self.trained_on}  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as sink:  # numpy would add a suffix to a name of its own
            np.savez_compressed(
                sink,
                names=np.array(list(self.signals)),
                weights=np.array(list(self.signals.values()), dtype=np.float32),
                about=np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8),
            )


def read_model(path: Path) -> PayloadModel:
    """The model stored at `path`. Raises InputError where it is missing or no such model."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            names, weights = stored["names"], stored["weights"]
        return PayloadModel({str(n): float(w) for n, w in zip(names, weights, strict=True)}, **about)
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
        why = type(error).__name__
        raise InputError(f"{path} is no payload model ({why}); `watchroom train` makes one") from None


@functools.lru_cache(maxsize=4)
def stored_model(path: Path) -> PayloadModel:
    """`read_model`, once a path in this process: a model file is written once and never changed."""
    return read_model(path)


@functools.cache
def shipped_model() -> PayloadModel:
    """The model that comes with watchroom."""
    return read_model(SHIPPED)
