"""Recommendations from numbers, and systems that are tried."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from engine import detector
from engine.recommendations import recommend
from engine.registry import Registry
from engine.room import Room as HomeRoom
from engine.systems import verify_systems
from tests.modelops import MARA, Room, labels, predictions, room


def _home(r: Room) -> HomeRoom:
    return HomeRoom(r.lake.home, r.lake, r.ledger, r.reader, Registry(r.ledger, MARA, r.clock), r.clock)


def test_a_model_that_misses_is_told_to_look_at_its_errors_and_its_threshold(tmp_path: Path) -> None:
    r = room(tmp_path)
    assert recommend(r.reader) == []
    made = predictions([(i / 10, 0.9 if i % 2 else 0.3) for i in range(400)])
    r.lake.append({"predictions": made, "labels": labels([True] * 400)}, kind="judge")
    found = {(x.priority, x.finding) for x in recommend(r.reader)}
    assert ("high", "accuracy is under its limit") in found
    assert ("medium", "it misses more than it cries wolf") in found
    assert ("high", "too few labels to judge or tune it") in found, "there is no negative one"


def test_a_model_that_is_fine_is_left_alone_and_contradictions_come_first(tmp_path: Path) -> None:
    r = room(tmp_path)
    made = predictions([(i / 10, 0.9 if i % 2 else 0.3) for i in range(400)])
    good = labels([bool(i % 2) for i in range(400)])
    r.lake.append({"predictions": made, "labels": good}, kind="judge")
    assert recommend(r.reader) == []
    r.lake.append({"labels": labels([True]).with_columns(pl.lit("eve").alias("actor"))}, kind="label")
    (first,) = recommend(r.reader)
    assert (first.priority, first.because) == ("high", "1 conflicting")


def test_systems_are_tried_and_say_what_is_wrong(tmp_path: Path) -> None:
    r = room(tmp_path, deployed=False)
    home = _home(r)
    states = {s.name: s.state for s in verify_systems(home)}
    assert {states[f"detector {name}"] for name in detector.names()} <= {"ok"}
    assert (states["registry"], states["event log and code"], states["lake and views"]) == ("warning", "ok", "ok")
    for version in home.registry.register_all():
        home.registry.deploy(version.model, version.version, "production", reason="start")
    (tmp_path / "home" / "watchroom.toml").write_text("[tuning]\nenabeld = 1\n")
    with r.ledger.write() as connection:
        connection.execute("DROP TRIGGER event_is_never_changed")
        connection.execute("UPDATE event SET actor = 'nobody' WHERE seq = 1")
    found = {s.name: s for s in verify_systems(home)}
    assert found["registry"].state == "ok"
    assert found["event log and code"].state == "failed"
    assert "did you mean 'enabled'" in found["configuration"].detail
