"""A model that runs elsewhere, from the command line alone: registered, landed, judged, changed, rolled back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.console.command_line import CommandLine


def write_log(path: Path) -> Path:
    """1,500 predictions of a batch job, the last third no better than a coin, with labels a minute later."""
    rng, start = np.random.default_rng(2), datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with path.open("w", encoding="utf-8") as log:
        for i in range(1_500):
            truth = bool(rng.random() < 0.4)
            right = rng.random() < (0.93 if i < 1_000 else 0.5)
            ts, subject = start + timedelta(seconds=6 * i), f"person-{i}"
            score = float(rng.uniform(0.5, 1.0) if truth == right else rng.uniform(0.0, 0.5))
            said = {"event": "prediction", "ts": ts.isoformat(), "model": "census", "version": "2.1",
                    "subject": subject, "score": score, "threshold": 0.5}  # fmt: skip
            true = {"event": "label", "ts": (ts + timedelta(minutes=1)).isoformat(), "model": "census",
                    "subject": subject, "truth": truth}  # fmt: skip
            log.write(json.dumps(said) + "\n" + json.dumps(true) + "\n")
    return path


def test_a_model_that_runs_elsewhere_is_run_like_ours(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ask = CommandLine(tmp_path / "home", capfd)
    register = ("register-external-model", "census", "--version", "2.1", "--threshold", "0.5", "--reason", "batch")
    assert ask(*register).code == 5
    assert ask(*register, "--yes").rows[0]["state"] == "registered"
    assert ask("deploy", "census", "--env", "production", "--reason", "as it runs there", "--yes").code == 0
    assert ask("ingest", str(write_log(tmp_path / "census.jsonl"))).code == 0
    (now,) = ask("performance-summary").rows
    assert (now["n"], now["predictions"]) == (1_500, 1_500)
    assert 0.4 < now["acc100"] < 0.65
    assert ask("deployment-status", "census").rows[0]["judged"] == 1_500, "it names no config revision"
    fallen = ask("check-degradation", "census")
    assert (fallen.code, fallen.rows[0]["level"]) == (1, "degraded")
    (line,) = ask("performance-trends").rows
    assert line["direction"] == "falling"
    assert ask("update-config", "census", "--set", "threshold=0.6", "--reason", "try", "--yes").code == 0
    assert {r["setting"]: r["value"] for r in ask("show-config", "census").rows}["threshold"] == 0.6
    assert ask("rollback", "census", "--reason", "no better", "--yes").rows[0]["threshold"] == 0.5


def test_a_detector_is_no_external_model(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    answer = CommandLine(tmp_path / "home", capfd)("register-external-model", "n1-detector", "--version", "9", "--yes")
    assert answer.code == 2
    assert "register-model n1-detector" in answer.said
