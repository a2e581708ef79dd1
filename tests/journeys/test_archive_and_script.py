"""Two users without a screen: one re-analyses an archive, one checks logs in CI."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from console.cli import run

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_data" / "recording"


def answer(capfd: pytest.CaptureFixture[str], arguments: list[str], expected: int = 0) -> list[dict[str, object]]:
    capfd.readouterr()
    code = run([*arguments, "--output", "jsonl"])
    captured = capfd.readouterr()
    assert code == expected, captured.err
    return [json.loads(line) for line in captured.out.splitlines()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which the recorded sample was ingested, its access log from an archive."""
    place = tmp_path_factory.mktemp("archive")
    logs = place / "logs"
    logs.mkdir()
    for name in ("postgresql.log", "jobs.jsonl", "labels.jsonl"):
        (logs / name).write_bytes((SAMPLE / name).read_bytes())
    with gzip.open(logs / "access.log.gz", "wb") as packed:
        packed.write((SAMPLE / "access.log").read_bytes())
    assert run(["ingest", str(logs), "--home", str(place / "home")]) == 0
    return place / "home"


def test_ingesting_again_lands_nothing_twice(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    [again] = answer(capfd, ["ingest", str(home.parent / "logs"), "--home", str(home)])
    assert (again["rows"], again["verdicts"]) == (0, 0)
    [counted] = answer(capfd, ["sql", "SELECT count(*) AS n FROM requests", "--home", str(home)])
    assert counted["n"] == len((SAMPLE / "access.log").read_bytes().splitlines())


def test_the_models_do_on_the_sample_what_the_readme_says(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Over all labels. The specification's baselines are lower: N+1 88-92 %, WAF 92-96 %, queue 82-88 % accuracy."""
    rows = answer(
        capfd, ["sql", "SELECT model, accuracy, n FROM performance WHERE \"window\" = 'all'", "--home", str(home)]
    )
    accuracy = {r["model"]: r["accuracy"] for r in rows}
    judged = {r["model"]: int(str(r["n"])) for r in rows}
    assert accuracy["n1-detector"] > 0.999
    assert accuracy["waf-behavioral"] > 0.99
    assert accuracy["queue-anomaly"] > 0.97
    readme = (SAMPLE.parents[1] / "README.md").read_text(encoding="utf-8")
    said = re.findall(r"over ([\d.]+) % of ([\d,]+) ", readme)
    assert said == [("99.9", f"{judged['n1-detector']:,}"), ("99", f"{judged['waf-behavioral']:,}"),
                    ("97", f"{judged['queue-anomaly']:,}")]  # fmt: skip


def test_what_the_archive_tells_is_what_analyze_tells(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With a home and without, the same log has the same verdicts."""
    one = answer(capfd, ["analyze", str(SAMPLE / "jobs.jsonl"), "--model", "queue-anomaly"], expected=1)
    stored = answer(
        capfd,
        [
            "sql",
            "SELECT prediction_id, score, flagged FROM predictions WHERE model = 'queue-anomaly'",
            "--home",
            str(home),
        ],
    )
    assert {(r["prediction_id"], r["score"]) for r in one} == {(r["prediction_id"], r["score"]) for r in stored}


def test_a_clean_log_ends_with_0_and_a_dirty_one_with_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """So a CI job needs no parsing."""
    stamp = "[02/Mar/2026:09:00:0{}  +0000]".replace("  ", " ")
    line = '198.51.100.7 - - {} "GET {} HTTP/1.1" {} 120 "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"\n'
    clean, dirty = tmp_path / "clean.log", tmp_path / "dirty.log"
    clean.write_text("".join(line.format(stamp.format(i), f"/items/{i}", 200) for i in range(5)))
    dirty.write_text(line.format(stamp.format(1), "/p?id=1%27%20UNION%20SELECT%20password%20FROM%20users--", 200))
    assert run(["analyze", str(clean)]) == 0
    assert run(["analyze", str(dirty), "--flagged"]) == 1
    assert "198.51.100.7" in capfd.readouterr().out


@pytest.mark.parametrize("output", ["json", "jsonl", "csv"])
def test_what_a_program_reads_is_never_cut(home: Path, capfd: pytest.CaptureFixture[str], output: str) -> None:
    capfd.readouterr()
    run(["sql", "SELECT job_id FROM jobs", "--home", str(home), "--output", output])
    out = capfd.readouterr().out
    rows = len(json.loads(out)) if output == "json" else len(out.splitlines()) - (output == "csv")
    assert rows == len((SAMPLE / "jobs.jsonl").read_bytes().splitlines())


def test_a_table_says_what_it_leaves_out(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    run(["sql", "SELECT job_id FROM jobs", "--home", str(home)])
    assert "--limit 0" in capfd.readouterr().err
