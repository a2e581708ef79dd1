"""The commands that keep a home well: systems tried, storage, clean-up, caches, doctor, lake, settings, training."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from engine.alerts import acknowledge
from engine.registry_cache import RegistryCache
from engine.room import Room
from engine.waf.model import read_model
from storage.clock import utc_now
from storage.schema import TABLES
from tests.console.command_line import CommandLine
from tests.console.homes import Hands, fill, open_room
from tests.modelops import IDRIS


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home filled as of now, copied for each test."""
    path = tmp_path_factory.mktemp("upkeep") / "home"
    clock = Hands(utc_now())
    made = open_room(path, clock)
    fill(made, clock)
    old = pl.DataFrame({"ts": [clock.now - timedelta(days=200)] * 3, "source": ["a.log"] * 3, "path": ["/x"] * 3,
                        "client_ip": ["198.51.100.9"] * 3})  # fmt: skip
    made.lake.append({"requests": TABLES["requests"].conform(old)}, kind="land")
    seen = pl.DataFrame({"ts": [clock.now - timedelta(days=200)] * 5, "model": ["n1-detector"] * 5,
                         "subject": ["s"] * 5, "truth": [True] * 5})  # fmt: skip
    made.lake.append({"labels": TABLES["labels"].conform(seen)}, kind="label")
    made.ledger.close()
    return path


@pytest.fixture
def ask(original: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    shutil.copytree(original, tmp_path / "home")
    return CommandLine(tmp_path / "home", capfd)


def count(home: Path, sql: str) -> int:
    return int(Room.open(home).reader.query(sql).item())


def test_every_system_is_tried(ask: CommandLine) -> None:
    answer = ask("verify-systems")
    states = {row["name"]: row["state"] for row in answer.rows}
    assert states["detector waf-behavioral"] == states["lake and views"] == "ok"
    assert answer.code == (1 if "failed" in states.values() else 0)
    (ask.home / "watchroom.toml").write_text("[tunin]\n", encoding="utf-8")
    broken = ask("verify-systems")
    assert broken.code == 1
    assert {r["name"]: r["state"] for r in broken.rows}["configuration"] == "failed"


def test_what_would_help_a_model_is_said_with_the_command_that_does_it(ask: CommandLine) -> None:
    rows = ask("improvement-recommendations").rows
    assert rows
    for row in rows:
        assert row["do"].startswith("watchroom ")
        assert row["because"]
    only = ask("improvement-recommendations", "waf-behavioral").rows
    assert {row["model"] for row in only} == {"waf-behavioral"}
    assert ask("improvement-recommendations", "nonesuch").code == 2


def test_old_data_go_and_what_was_decided_stays(ask: CommandLine) -> None:
    events = count(ask.home, "SELECT count(*) FROM event")
    rehearsed = {row["name"]: row["rows"] for row in ask("cleanup-old-data", "--dry-run").rows}
    assert rehearsed["labels"] == 5
    assert "requests" not in rehearsed
    assert count(ask.home, "SELECT count(*) FROM labels WHERE ts < now() - INTERVAL 90 DAY") == 5
    assert ask("cleanup-old-data").code == 5, "a script must say --yes"
    done = ask("cleanup-old-data", "--older-than", "90days", "--logs", "--yes")
    gone = {row["name"]: row["rows"] for row in done.rows}
    assert (gone["labels"], gone["requests"], gone["predictions"]) == (5, 3, 0)
    assert count(ask.home, "SELECT count(*) FROM labels WHERE ts < now() - INTERVAL 90 DAY") == 0
    assert count(ask.home, "SELECT count(*) FROM event") == events + 1, "and the clean-up is in the log"


@pytest.mark.parametrize("age", ["2h", "soon", "0days"])
def test_the_last_day_is_kept_whatever_is_asked(ask: CommandLine, age: str) -> None:
    assert ask("cleanup-old-data", "--older-than", age, "--yes").code == 2


def test_a_sound_home_is_healthy_and_a_damaged_segment_is_not(ask: CommandLine) -> None:
    assert ask("storage-health", "--deep").code == 0
    assert ask("doctor").code == 0
    (segment,) = ask("lake", "files", "jobs").rows
    path = Path(segment["path"])
    path.write_bytes(path.read_bytes()[:-7] + b"damaged")
    assert ask("storage-health").code == 0, "a quick look reads no segment"
    deep = ask("storage-health", "--deep")
    assert deep.code == 1
    assert "doctor --repair" in {r["measure"]: r["detail"] for r in deep.rows}["broken_segments"]
    found = ask("doctor")
    assert (found.code, found.rows[0]["finding"], found.rows[0]["rows"]) == (1, "broken", segment["rows"])
    assert ask("doctor", "--repair").code == 5
    mended = ask("doctor", "--repair", "--yes")
    assert f"{segment['rows']} lost" in mended.said, "these rows came from no log that could be read again"
    assert ask("doctor").code == 0


def test_the_tables_and_their_sizes_add_up(ask: CommandLine) -> None:
    sizes = {row["name"]: row["rows"] for row in ask("storage-health", "--tables").rows}
    assert sizes["queries"] == count(ask.home, "SELECT count(*) FROM queries")
    assert sum(row["rows"] for row in ask("lake", "files", "requests").rows) == sizes["requests"]


def test_clearing_the_cache_reaches_other_processes(ask: CommandLine) -> None:
    room = Room.open(ask.home)
    cache = RegistryCache(room.registry, room.home.state)
    cache.deployed()
    cache.deployed()
    assert ask.plain("cache-clear").code == 0
    cache.deployed()
    cache.flush()
    (row,) = ask("cache-warmup").rows
    assert (row["hits"], row["misses"]) == (1, 2)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_a_table_is_exported_whole(ask: CommandLine, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"queries.{suffix}"
    answer = ask("lake", "export", "queries", "--to", str(target))
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}[suffix]
    assert read(target).height == answer.rows[0]["rows"] == count(ask.home, "SELECT count(*) FROM queries") > 0
    assert ask("lake", "export", "queries", "--to", str(target)).code == 2, "no file is overwritten"


@pytest.mark.parametrize(
    "words", [("export",), ("export", "nonesuch", "--to", "x.csv"), ("export", "jobs", "--to", "x.xls"), ("forget",)]
)
def test_what_the_lake_cannot_do_is_refused(ask: CommandLine, words: tuple[str, ...]) -> None:
    assert ask("lake", *words, "--yes").code == 2
    assert not Path("x.xls").exists()


def test_a_client_is_forgotten_only_when_it_is_meant(ask: CommandLine) -> None:
    named = "SELECT count(*) FROM requests WHERE client_ip = '203.0.113.7'"
    before = count(ask.home, named)
    assert before > 0
    assert ask("lake", "forget", "203.0.113.7").code == 5
    assert ask("lake", "forget", "203.0.113.7", "--dry-run").code == 0
    assert count(ask.home, named) == before
    assert ask("lake", "forget", "203.0.113.7", "--yes").rows[0]["rows"]["requests"] == before
    assert count(ask.home, named) == 0


def test_segments_are_merged_only_when_it_is_meant(ask: CommandLine) -> None:
    room = Room.open(ask.home)
    row = pl.DataFrame({"ts": [room.clock()], "source": ["a.log"], "path": ["/x"]})
    for _ in range(40):
        room.lake.append({"requests": TABLES["requests"].conform(row)}, kind="land")
    before = len(ask("lake", "files", "requests").rows)
    rehearsed = ask("lake", "compact", "--dry-run")
    assert "merge 4" in rehearsed.said
    assert len(ask("lake", "files", "requests").rows) == before
    assert ask("lake", "compact").rows[0]["merged"] >= 40
    assert len(ask("lake", "files", "requests").rows) < before


def test_the_configuration_is_checked_with_the_models_settings(
    ask: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask("config-check").code == 0
    monkeypatch.setenv("NPLUSONE_ML_CONFIDENCE_THRESHOLD", "62.0")
    checked = {row["check"]: row for row in ask("config-check").rows}
    assert checked["model n1-detector"]["detail"] == "threshold 0.62"
    assert "NPLUSONE_ML_CONFIDENCE_THRESHOLD" in checked["environment"]["detail"]
    (ask.home / "watchroom.toml").write_text("[models.waf-behavioral.settings]\nthreshhold = 0.6\n", encoding="utf-8")
    wrong = ask("config-check")
    assert wrong.code == 1
    assert "did you mean 'threshold'" in {r["check"]: r["detail"] for r in wrong.rows}["model waf-behavioral"]


def test_training_learns_from_labelled_requests_and_overwrites_nothing(ask: CommandLine, tmp_path: Path) -> None:
    attacks = [f"id={i}' UNION SELECT password FROM users--" for i in range(20)]
    rows = pl.DataFrame({"label": ["attack"] * 20 + ["benign"] * 20, "query": attacks + [f"id={i}" for i in range(20)],
                         "path": ["/item"] * 40})  # fmt: skip
    (tmp_path / "data" / "own" / "public").mkdir(parents=True)
    rows.write_parquet(tmp_path / "data" / "own" / "public" / "requests.parquet")
    target = tmp_path / "payload.npz"
    words = ("train", str(tmp_path / "data"), "--to", str(target), "--set", "own", "--yes")
    answer = ask(*words)
    assert answer.rows[0]["trained_on"] == {"own": 40}
    assert read_model(target).trained_on == {"own": 40}
    assert ask(*words).code == 2
    assert ask("train", str(tmp_path / "empty"), "--to", str(tmp_path / "n.npz"), "--yes").code == 2


def test_a_trained_model_is_a_version_of_its_own_with_the_hash_of_its_data(ask: CommandLine, tmp_path: Path) -> None:
    """Deployed, it runs with its own file, for nobody chose the file that ran before."""
    (tmp_path / "data" / "own" / "public").mkdir(parents=True)
    rows = pl.DataFrame({"label": ["attack", "benign"] * 9, "path": ["/item"] * 18,
                         "query": ["id=1' UNION SELECT 1--", "id=2"] * 9})  # fmt: skip
    rows.write_parquet(tmp_path / "data" / "own" / "public" / "requests.parquet")
    target = tmp_path / "payload.npz"
    words = ("train", str(tmp_path / "data"), "--to", str(target), "--set", "own", "--register", "7.0.0", "--yes")
    learnt = ask(*words).rows[0]["data_sha256"]
    (event,) = ask("sql", "SELECT body FROM events WHERE subject = 'waf-behavioral 7.0.0'").rows
    assert json.loads(event["body"])["data_sha256"] == learnt
    ask("deploy", "waf-behavioral", "--version", "7.0.0", "--env", "staging", "--reason", "try", "--yes")
    settings = {row["setting"]: row["value"] for row in ask("show-config", "waf-behavioral", "--env", "staging").rows}
    assert settings["model"] == str(target)


def test_drift_and_estimates_are_asked_without_labels(ask: CommandLine) -> None:
    drift = ask("drift", "waf-behavioral")
    assert drift.code in {0, 1}
    assert {row["verdict"] for row in drift.rows} <= {"drift", "minor", "possible", "none", "insufficient"}
    estimates = ask("estimate", "--metric", "f1").rows
    assert {row["model"] for row in estimates} == {"n1-detector", "queue-anomaly", "waf-behavioral"}
    assert ask("estimate", "--metric", "beauty").code == 2


def test_a_clean_up_leaves_open_alerts_alone(ask: CommandLine) -> None:
    room = Room.open(ask.home)
    (alert,) = ask("alerts").rows
    acknowledge(room.ledger, alert["id"], IDRIS, room.clock)
    assert ask("cleanup-old-data", "--older-than", "1day", "--yes").code == 0
    assert [row["id"] for row in ask("alerts").rows] == [alert["id"]]
