"""Do the constants of queue-anomaly's suspicion carry over? Each workflow of Flow-Bench judged with the others' own.

    python bench/queue_calibration.py OPS_DATA_DIR

Three ways from `worker_z` to the probability that a run is on a degraded worker (`engine/queue/calibration.py`): one
share for all quiet runs, fitted; a half of a logistic curve, fitted; the same curve without any label, from each
workflow's own runs by Efron's two groups: what is there right of the mode beyond the mirror image of what is left of it
is near a degraded worker. Fits are by maximum likelihood on a grid. Printed: the expected calibration error by workflow
and over all runs, and the log-loss.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.measure import BINS, calibration_error  # noqa: E402
from bench.queue_sets import flow_sets  # noqa: E402

Vector = npt.NDArray[np.float64]
Constants = tuple[float, ...]
CURVES: list[Constants] = list(product(np.arange(0.0, 0.51, 0.01), np.arange(0.04, 0.31, 0.02)))
SHARES: list[Constants] = [(share,) for share in np.arange(0.05, 0.31, 0.01)]
BIN = 0.1
"""Width of the mirror's bins of `worker_z`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A workflow's runs: score without suspicion, `worker_z`, how exposed they are, and the truth."""

    name: str
    score: Vector
    z: Vector
    exposed: Vector
    truth: npt.NDArray[np.bool_]


def judged(data: Path) -> Iterator[Judged]:
    """Every workflow, without suspicion."""
    from engine.detectors.queue_anomaly import QueueAnomaly
    from engine.queue.calibration import exposed

    detector = QueueAnomaly.configured({"job_anomaly_worker_share": 0.0})
    for name, frame, labels in flow_sets(data):
        rows = detector.score(detector.features(frame.lazy())).collect().sort("subject")
        rows = rows.with_columns(exposed().alias("exposed"))
        score, z, share = (rows[c].cast(float).fill_null(0.0).to_numpy() for c in ("score", "worker_z", "exposed"))
        yield Judged(name, score, z, share, labels["is_anomaly"].to_numpy())


def constant(of: Judged, constants: Constants) -> Vector:
    """The score with one share for all quiet runs, as a further independent cause."""
    return 1.0 - (1.0 - of.score) * (1.0 - of.exposed * constants[0])


def curve(of: Judged, constants: Constants) -> Vector:
    """The score with half a logistic curve over `worker_z`, as the detector has it."""
    midway, width = constants
    return np.maximum(of.score, of.exposed * 0.5 / (1.0 + np.exp(np.clip((midway - of.z) / width, -30.0, 30.0))))


def log_loss(truth: npt.NDArray[np.bool_], score: Vector) -> float:
    """The mean negative log-likelihood."""
    return float(-np.log(np.clip(np.where(truth, score, 1.0 - score), 1e-6, 1.0)).mean())


def fitted(sets: list[Judged], way: Callable[[Judged, Constants], Vector], grid: list[Constants]) -> Constants:
    """The constants of the grid under which the labels of `sets` are likeliest."""
    truth = np.concatenate([of.truth for of in sets])
    return min(grid, key=lambda constants: log_loss(truth, np.concatenate([way(of, constants) for of in sets])))


def half_sample_mode(values: Vector) -> float:
    """Robertson and Cryer's (1974) mode: the densest half of the densest half, and so on."""
    values = np.sort(values)
    while len(values) > 3:
        half = (len(values) + 1) // 2
        begin = int(np.argmin(values[half - 1 :] - values[: len(values) - half + 1]))
        values = values[begin : begin + half]
    return float(values.mean())


def mirrored(of: Judged) -> Constants:
    """The curve's constants from the workflow's own runs, without labels: least squares on the mirror's shares."""
    z = of.z[of.exposed > 0.5]
    mode = half_sample_mode(z)
    edges = np.arange(-0.5, 1.5 + BIN / 2, BIN)
    seen, mirror = np.histogram(z, edges)[0], np.histogram(2.0 * mode - z, edges)[0]
    middle = edges[:-1] + BIN / 2
    near = np.where(middle > mode, np.clip(1.0 - mirror / np.maximum(seen, 1), 0.0, 1.0), 0.0)

    def off(constants: Constants) -> float:
        told = 1.0 / (1.0 + np.exp(np.clip((constants[0] - middle) / constants[1], -30.0, 30.0)))
        return float((seen * (near - told) ** 2).sum())

    return min(CURVES, key=off)


def told(name: str, sets: list[Judged], scores: list[Vector], constants: list[Constants]) -> None:
    """One line: errors by workflow, over all, the log-loss and the constants used."""

    def error(truth: npt.NDArray[np.bool_], score: Vector) -> float:
        return calibration_error(np.minimum((score * BINS).astype(int), BINS - 1), truth, score)

    truth, score = np.concatenate([of.truth for of in sets]), np.concatenate(scores)
    each = [error(of.truth, values) for of, values in zip(sets, scores, strict=True)]
    used = "; ".join(" ".join(f"{value:.2f}" for value in values) for values in constants)
    cells = [*(f"{value:.3f}" for value in each), f"{error(truth, score):.3f}", f"{log_loss(truth, score):.3f}", used]
    print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    sets = list(judged(parser.parse_args().data))
    print("| way, constants from | " + " | ".join(of.name for of in sets) + " | all runs | log-loss | constants |")
    print("|---" * (len(sets) + 4) + "|")
    for name, way, grid in (("one share", constant, SHARES), ("half a curve", curve, CURVES)):
        others = [fitted([o for o in sets if o is not of], way, grid) for of in sets]
        scores = [way(of, constants) for of, constants in zip(sets, others, strict=True)]
        told(f"{name}, the other workflows", sets, scores, others)
    own = [mirrored(of) for of in sets]
    told("half a curve, its own runs, no label", sets, [curve(of, c) for of, c in zip(sets, own, strict=True)], own)
    from engine.queue.calibration import MIDWAY, WIDTH

    told("half a curve, as shipped", sets, [curve(of, (MIDWAY, WIDTH)) for of in sets], [(MIDWAY, WIDTH)])


if __name__ == "__main__":
    main()
