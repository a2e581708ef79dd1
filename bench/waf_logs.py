"""Which clients of unlabelled logs the WAF detector flags, and on what evidence: Markdown for the documentation.

python bench/waf_logs.py LOG [LOG ...] [--clients 40]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine.analysis import analyze  # noqa: E402

FARM_CSV = {
    "host": 0, "client_ip": 2, "remote_user": 4, "ts": 5, "status": 13, "method": 15, "path": 16, "query": 17,
    "referer": 18, "user_agent": 19,
}  # fmt: skip
"""Where the farm sites' CSV log holds what a request is made of."""


def as_json_lines(log: Path, folder: Path) -> Path:
    """The farm sites' CSV log as JSON lines in `folder`; lines that are no such CSV are left out."""
    path = folder / f"{log.name.removesuffix('.gz')}.jsonl"
    with gzip.open(log, "rt", errors="replace", newline="") as lines, path.open("w") as sink:
        for fields in csv.reader(lines, escapechar="\\"):
            if len(fields) < 20 or not fields[13].isdigit():
                continue
            row = {name: fields[at] for name, at in FARM_CSV.items() if fields[at] not in ("", "-")}
            row["ts"] = datetime.strptime(row["ts"], "[%d/%b/%Y:%H:%M:%S %z]").isoformat()
            row["query"] = row.get("query", "").removeprefix("?") or None
            sink.write(json.dumps({"event": "request"} | row | {"status": int(row["status"])}) + "\n")
    return path


def summary(log: Path) -> tuple[int, pl.DataFrame]:
    """Clients in the log; and for each flagged one its requests, minutes, evidence and a request that shows it."""
    rows = analyze([log], None, models=["waf-behavioral"]).predictions
    parts = pl.List(
        pl.Struct({"kind": pl.String, "weight": pl.Float64, "words": pl.String, "requests": pl.List(pl.String)})
    )
    told = rows.with_columns(
        pl.col("features").str.json_decode(pl.Struct({"requests": pl.Int64})).struct.field("requests").alias("count"),
        pl.col("evidence").str.json_decode(pl.Struct({"parts": parts})).struct.field("parts"),
    )
    flagged = told.filter("flagged").explode("parts").unnest("parts")
    attack = pl.when(pl.col("kind") == "payload").then(pl.col("words").str.split(":").list.first()).otherwise("kind")
    kinds = (
        flagged.sort("subject", "weight", descending=[False, True]).group_by("subject", maintain_order=True)
        .agg(attack.unique(maintain_order=True).head(4).alias("evidence"),
             pl.col("requests").list.first().drop_nulls().first().alias("example"))
    )  # fmt: skip
    whole = told.group_by("subject").agg(
        pl.col("count").sum().alias("requests"),
        pl.len().alias("minutes"),
        pl.col("flagged").sum().alias("flagged_minutes"),
    )
    return whole.height, kinds.join(whole, on="subject").sort("requests", "subject", descending=[True, False])


def cell(text: str, width: int = 70) -> str:
    """Text as a Markdown cell: printable, short, in code."""
    clean = "".join(c if c.isprintable() else "." for c in text).replace("|", "\\|").replace("`", "'")
    return f"`{clean[:width]}{'...' if len(clean) > width else ''}`"


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("--clients", type=int, default=40)
    given = parser.parse_args()
    for log in given.logs:
        with tempfile.TemporaryDirectory() as folder:
            is_csv = log.name.startswith("apache_csv")
            clients, flagged = summary(as_json_lines(log, Path(folder)) if is_csv else log)
        most = f", the {given.clients} with the most requests" if flagged.height > given.clients else ""
        print(f"\n**{log.name}**: {clients:,} clients, {flagged.height:,} flagged{most}:")
        print("\n| client | requests | minutes flagged | evidence | for example |", "|---|---|---|---|---|", sep="\n")
        for row in flagged.head(given.clients).iter_rows(named=True):
            print(f"| {row['subject']} | {row['requests']:,} | {row['flagged_minutes']} of {row['minutes']} | "
                  f"{', '.join(row['evidence'])} | {cell(row['example'] or '')} |")  # fmt: skip


if __name__ == "__main__":
    main()
