"""The recorder against real servers: half a minute, then every promise about the files is checked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]
ACCESS = re.compile(
    r"^(192\.0\.2|198\.51\.100|203\.0\.113|2001:db8)[.:][0-9a-f.:]+ - \S+ "
    r'\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+\d{4}\] "(?:[^"\\]|\\x[0-9A-F]{2})*" \d{3} \d+ '
    r'"[^"]*" "[^"]*" \d+\.\d{3} [0-9a-f]{32}$'
)
JOB_KEYS = [
    "event", "ts", "job_id", "job_type", "queue", "worker", "status", "execution_ms", "wait_ms",
    "memory_mb", "cpu_ms", "retry_count", "payload_kb", "error", "trace_id",
]  # fmt: skip
MARK = "watchroom-record-"


@dataclass(frozen=True)
class Recording:
    """The folder of a recording, its labels and its jobs."""

    folder: Path
    labels: list[dict[str, Any]]
    jobs: list[dict[str, Any]]

    def subjects(self, model: str) -> set[str]:
        """What the labels of a model are about."""
        return {row["subject"] for row in self.labels if row["model"] == model}


def _python(folder: Path) -> str:
    """An interpreter that has the recorder's requirements: make's, this one, or a new one."""
    ready = ROOT / ".venv-record" / "bin" / "python"
    for candidate in (str(ready), sys.executable):
        probe = [candidate, "-c", "import flask, gunicorn, psycopg, psycopg2, redis, rq, sqlalchemy"]
        if Path(candidate).exists() and subprocess.run(probe, capture_output=True).returncode == 0:
            return candidate
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    made = str(folder / "bin" / "python")
    wanted = ["-r", str(ROOT / "sample_data" / "requirements-record.txt")]
    subprocess.run([made, "-m", "pip", "install", "-q", *wanted], check=True)
    return made


def _leftovers() -> list[str]:
    """Command lines of processes that work in a recorder's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if MARK in line or "sample_data.recorder" in line:
            found.append(line)
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Half a minute of traffic."""
    base = tmp_path_factory.mktemp("recorder")
    out = base / "recording"
    command = [_python(base / "venv"), str(ROOT / "sample_data" / "record.py")]
    options = ["--minutes", "0.5", "--seed", "3", "--out", str(out)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return Recording(out, _rows(out / "labels.jsonl"), _rows(out / "jobs.jsonl"))


def test_all_four_files_are_kept(recording: Recording) -> None:
    """Two server logs, the job log and the labels."""
    names = {path.name for path in recording.folder.iterdir()}
    assert names == {"access.log", "postgresql.log", "jobs.jsonl", "labels.jsonl"}
    assert all(path.stat().st_size > 1000 for path in recording.folder.iterdir())


def test_access_log_has_the_documented_format(recording: Recording) -> None:
    """Combined, the request's seconds, its id; clients come from documentation addresses only."""
    lines = (recording.folder / "access.log").read_text().splitlines()
    assert [line for line in lines if not ACCESS.match(line)] == []


def test_every_labelled_trace_is_in_the_database_log(recording: Recording) -> None:
    """The request's id reached the statements."""
    log = (recording.folder / "postgresql.log").read_text()
    seen = set(re.findall(r"traceparent='00-([0-9a-f]{32})-[0-9a-f]{16}-01'", log))
    labelled = recording.subjects("n1-detector")
    assert labelled <= seen
    assert seen <= labelled


def test_true_n_plus_one_traces_repeat_a_statement(recording: Recording) -> None:
    """A page labelled as N+1 really ran a statement more than once."""
    log = (recording.folder / "postgresql.log").read_text()
    for label in recording.labels:
        if label["model"] == "n1-detector" and label["truth"]:
            assert log.count(f"traceparent='00-{label['subject']}-") >= 3, label


def test_every_labelled_job_is_in_the_job_log(recording: Recording) -> None:
    """One label a run, and runs have ids of their own."""
    ids = [job["job_id"] for job in recording.jobs]
    assert len(ids) == len(set(ids))
    assert recording.subjects("queue-anomaly") == set(ids)


def test_job_lines_have_the_documented_keys(recording: Recording) -> None:
    """All eight queue features and what goes with them."""
    for job in recording.jobs:
        assert list(job) == JOB_KEYS
        assert job["status"] in {"done", "failed", "retried"}
        assert (job["error"] is None) == (job["status"] == "done")
        assert job["execution_ms"] > 0
        assert job["memory_mb"] > 1


def test_client_minutes_are_labelled_once(recording: Recording) -> None:
    """A label for each client and minute, and for no other."""
    labels = [row for row in recording.labels if row["model"] == "waf-behavioral"]
    keys = [(row["subject"], row["window_start"]) for row in labels]
    lines = (recording.folder / "access.log").read_text().splitlines()
    seen = {(line.split()[0], re.search(r":(\d\d:\d\d):\d\d ", line)[1]) for line in lines}  # type: ignore[index]
    assert len(keys) == len(set(keys))
    assert {(address, window[11:16]) for address, window in keys} == seen


def test_no_server_is_left(recording: Recording) -> None:
    """Everything that was started has ended."""
    assert _leftovers() == []


def test_a_server_that_cannot_start_is_one_clear_line(tmp_path: Path) -> None:
    """No program, no permission to install it: one line, exit code 1, nothing running."""
    python = _python(tmp_path / "venv")
    blocked = "import sys, runpy; import sample_data.recorder.processes as p; p._look = lambda name: None\n"
    blocked += "p.os.geteuid = lambda: 1000\nsys.argv = ['record.py', '--minutes', '0.1', '--out', sys.argv[1]]\n"
    blocked += "runpy.run_path('sample_data/record.py', run_name='__main__')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [python, "-c", blocked, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["record: postgres is missing: install the package postgresql"]
    assert not (tmp_path / "out").exists()


def test_watchroom_lands_and_judges_what_the_servers_just_wrote(recording: Recording, tmp_path: Path) -> None:
    """The whole way, on logs that did not exist a minute ago: every line lands, every labelled trace is judged."""
    from engine.room import Room
    from engine.service import ingest

    room = Room.open(tmp_path / "home", create=True)
    landed, tally = ingest(room, [recording.folder])
    assert landed.rows.get("rejects", 0) == 0
    assert landed.rows["requests"] == len((recording.folder / "access.log").read_text().splitlines())
    assert landed.rows["jobs"] == len(recording.jobs)
    assert tally.judged > 0
    judged = set(room.lake.scan("predictions").collect()["subject"])
    assert recording.subjects("n1-detector") <= judged
    assert recording.subjects("waf-behavioral") <= judged
    rows = room.reader.query("SELECT accuracy FROM performance WHERE model = 'n1-detector' AND \"window\" = 'all'")
    assert rows.item() > 0.9
