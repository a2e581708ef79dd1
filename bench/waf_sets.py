"""How well the payload model judges data sets that it has not learnt from, and whether its probabilities are true.

    python bench/waf_sets.py DATA_DIR            the tables of docs/detectors/waf-behavioral.md (Markdown)

DATA_DIR holds one folder a set with public/requests.parquet. For each set the model is fitted anew on the other
licensed sets; sets that no model may learn from are judged by the model of all licensed ones.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine.waf.model import PayloadModel  # noqa: E402
from engine.waf.payloads import judged_pieces  # noqa: E402
from engine.waf.train import LICENSED, labelled, train  # noqa: E402
from engine.waf.units import PIECE_COLUMNS, distinct_pieces  # noqa: E402

TEST_ONLY = ("blazehttp", "modsec_learn_sqli", "csic2010_raw20")
LINE = 0.5


def judged(model: PayloadModel, requests: pl.DataFrame) -> pl.DataFrame:
    """`requests` with `p`, the worst of each one's pieces."""
    requests = requests.with_row_index("n")
    verdicts = judged_pieces(distinct_pieces(requests), model)
    long = pl.concat(
        requests.select("n", pl.col(c).alias("piece"), pl.lit(c).alias("column")).join(verdicts, on=["column", "piece"])
        for c in PIECE_COLUMNS
    )
    worst = long.group_by("n").agg(pl.col("p").max())
    return requests.join(worst, on="n", how="left").with_columns(pl.col("p").fill_null(0.0))


def auc(truth: npt.NDArray[np.bool_], p: npt.NDArray[np.float64]) -> float:
    """Area under the ROC curve by ranks."""
    pos, neg = int(truth.sum()), int((~truth).sum())
    if not pos or not neg:
        return float("nan")
    ranks = pl.Series(p).rank("average").to_numpy()
    return float((ranks[truth].sum() - pos * (pos + 1) / 2) / (pos * neg))


def row(name: str, learnt: str, rows: pl.DataFrame) -> tuple[str, float]:
    """One line of the table, and the set's AUC."""
    truth, p = rows["attack"].to_numpy(), rows["p"].to_numpy()
    area = auc(truth, p)
    found = f"{(p[truth] >= LINE).mean():.3f}" if truth.any() else "-"
    alarms = f"{(p[~truth] >= LINE).mean():.4f}" if (~truth).any() else "-"
    shown = "-" if np.isnan(area) else f"{area:.3f}"
    return f"| {name} | {learnt} | {truth.sum():,} | {(~truth).sum():,} | {shown} | {found} | {alarms} |", area


def reliability(rows: pl.DataFrame) -> list[str]:
    """Tenths of probability against how often it was an attack, and the expected calibration error."""
    truth, p = rows["attack"].to_numpy(), rows["p"].to_numpy()
    tenth = np.minimum((p * 10).astype(int), 9)
    lines, error = ["| probability | requests | mean | attacks |", "|---|---|---|---|"], 0.0
    for n in range(10):
        at = tenth == n
        if at.any():
            error += at.mean() * abs(truth[at].mean() - p[at].mean())
            lines.append(
                f"| {n / 10:.1f}-{n / 10 + 0.1:.1f} | {at.sum():,} | {p[at].mean():.2f} | {truth[at].mean():.2f} |"
            )
    return [*lines, "", f"Expected calibration error {error:.3f}."]


def main() -> None:
    """Fit, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    print(
        "| set | learnt from | attacks | honest | AUC | found | false alarms |",
        "|---|---|---|---|---|---|---|",
        sep="\n",
    )
    areas, unseen = [], []
    for name in LICENSED:
        rest = tuple(other for other in LICENSED if other != name)
        rows = judged(train(data, rest), labelled(data, (name,)))
        line, area = row(name, "the other licensed sets", rows)
        print(line, flush=True)
        areas.append(area)
        unseen.append(rows)
    whole = train(data)
    for name in TEST_ONLY:
        rows = judged(whole, labelled(data, (name,)))
        line, area = row(name, "all licensed sets", rows)
        print(line, flush=True)
        if not name.startswith("csic"):
            areas.append(area)
            unseen.append(rows)
    print(
        f"\nMean AUC {np.nanmean(areas):.3f} (CSIC left out: most of its anomalies are only odd for that one shop).\n"
    )
    print("\n".join(reliability(pl.concat(unseen))))


if __name__ == "__main__":
    main()
