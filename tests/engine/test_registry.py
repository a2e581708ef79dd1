"""The registry: what runs where, by whom and why, and the way back."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine import detector
from engine.actor import Actor
from engine.approvals import Approvals
from engine.registry import Registry
from storage.audit import verify
from storage.errors import ConfigError, ConflictError, RefusedError, UsageError
from tests.modelops import IDRIS, JOB, MARA, card, room


def test_a_deployment_says_who_put_which_version_and_settings_where_and_why(tmp_path: Path) -> None:
    r = room(tmp_path)
    (now,) = r.registry.deployed()
    assert (now.model, now.version, now.environment, now.config_revision) == ("census", "1.0.0", "production", 1)
    assert (now.actor, now.origin, now.reason, now.started_ts) == ("mara", "cli", "first", r.clock.now)
    assert now.threshold == 0.5
    assert now.config == {"threshold": 0.5, "limit": 120}


def test_deploying_what_runs_already_changes_nothing(tmp_path: Path) -> None:
    r = room(tmp_path)
    (before,) = r.registry.deployed()
    r.clock.tick(hours=1)
    assert r.registry.deploy("census", "1.0.0", "production", reason="again") == before
    assert len(r.registry.history("census")) == 1


def test_a_second_deployment_ends_the_first(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.registry.register_card(card(version="1.1.0"))
    r.clock.tick(hours=2)
    new = r.registry.deploy("census", "1.1.0", "production", config={"threshold": 0.6}, reason="better")
    newest, oldest = r.registry.history("census", "production")
    assert newest == new
    assert oldest.status == "ended"
    assert oldest.ended_ts == new.started_ts
    assert [v.state for v in r.registry.versions("census")] == ["validated", "production"]


def test_a_change_without_a_reason_is_refused(tmp_path: Path) -> None:
    r = room(tmp_path)
    with pytest.raises(UsageError, match="reason"):
        r.registry.update_config("census", "production", {"threshold": 0.6}, reason=" ")
    assert len(r.registry.history("census")) == 1


def test_who_comes_second_learns_who_was_first_and_changes_nothing(tmp_path: Path) -> None:
    r = room(tmp_path)
    seen = r.registry.config("census", "production").id
    r.as_user(IDRIS).update_config("census", "production", {"threshold": 0.6}, reason="misses", expected=seen)
    with pytest.raises(ConflictError, match=r"idris \(console\) changed census in production .* config 2"):
        r.registry.update_config("census", "production", {"threshold": 0.7}, reason="alarms", expected=seen)
    assert r.registry.config("census", "production").threshold == 0.6


def test_expecting_nothing_deployed_conflicts_once_something_is(tmp_path: Path) -> None:
    r = room(tmp_path)
    with pytest.raises(ConflictError):
        r.registry.deploy("census", "1.0.0", "production", config={"threshold": 0.8}, reason="x", expected=0)


def test_a_rollback_brings_back_the_earlier_pair_and_a_second_one_undoes_it_exactly(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.registry.register_card(card(version="1.1.0"))
    new = r.registry.deploy("census", "1.1.0", "production", config={"threshold": 0.6}, reason="better")
    plan = r.registry.plan_rollback("census", "production")
    assert (plan.current, plan.version_changes) == (new, True)
    assert plan.config_changes == {"threshold": (0.6, 0.5)}
    back = r.registry.rollback(plan, reason="worse")
    assert (back.version, back.config_revision, back.kind, back.of_id) == ("1.0.0", 1, "rollback", plan.target.id)
    again = r.registry.rollback(r.registry.plan_rollback("census", "production"), reason="not worse")
    assert (again.pair, again.config) == (new.pair, new.config)
    assert len(r.registry.history("census")) == 4


def test_a_rollback_of_the_config_keeps_the_version(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.registry.register_card(card(version="1.1.0"))
    r.registry.deploy("census", "1.1.0", "production", config={"threshold": 0.6}, reason="better")
    plan = r.registry.plan_rollback("census", "production", what="config")
    assert not plan.version_changes
    back = r.registry.rollback(plan, reason="threshold was wrong")
    assert (back.version, back.threshold) == ("1.1.0", 0.5)


def test_a_rollback_to_a_named_version_takes_the_settings_it_ran_with(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.registry.update_config("census", "production", {"limit": 90}, reason="tighter")
    for version in ("1.1.0", "1.2.0"):
        r.registry.register_card(card(version=version))
        r.registry.deploy("census", version, "production", config={"threshold": 0.8}, reason=version)
    plan = r.registry.plan_rollback("census", "production", what="version", to_version="1.0.0")
    assert r.registry.rollback(plan, reason="back").config == {"threshold": 0.5, "limit": 90}
    with pytest.raises(RefusedError, match=r"no version 9\.9"):
        r.registry.plan_rollback("census", "production", to_version="9.9")


def test_a_rollback_planned_before_somebody_elses_change_is_refused(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.registry.update_config("census", "production", {"threshold": 0.6}, reason="a")
    plan = r.registry.plan_rollback("census", "production")
    r.as_user(IDRIS).update_config("census", "production", {"threshold": 0.7}, reason="b")
    with pytest.raises(ConflictError, match="idris"):
        r.registry.rollback(plan, reason="c")
    assert r.registry.config("census", "production").threshold == 0.7


def test_there_is_no_way_back_from_the_first_deployment(tmp_path: Path) -> None:
    r = room(tmp_path)
    with pytest.raises(RefusedError, match="nothing to roll back to"):
        r.registry.plan_rollback("census", "production")


@pytest.mark.parametrize("statement", [
    "UPDATE model_version SET version = '2'", "DELETE FROM model_version", "UPDATE config_revision SET body = '{}'",
    "UPDATE deployment SET version = 'x'", "DELETE FROM deployment", "UPDATE event SET body = '{}'",
    "DELETE FROM event", "UPDATE version_state SET state = 'rejected'",
])  # fmt: skip
def test_history_cannot_be_rewritten_with_sql(tmp_path: Path, statement: str) -> None:
    r = room(tmp_path)
    with pytest.raises(sqlite3.IntegrityError), r.ledger.write() as connection:
        connection.execute(statement)


def test_only_one_deployment_can_be_active_in_an_environment(tmp_path: Path) -> None:
    r = room(tmp_path)
    with pytest.raises(sqlite3.IntegrityError), r.ledger.write() as connection:
        connection.execute(
            "INSERT INTO deployment SELECT 99, model, environment, version, config_revision, kind, of_id, actor,"
            " origin, host, reason, approval_id, started_ts, ended_ts, status, row_version FROM deployment"
        )


def test_registering_the_same_version_with_other_code_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    r = room(tmp_path)
    r.registry.register_card(card())
    with pytest.raises(RefusedError, match="new version"):
        r.registry.register_card(replace(card(), sha256="f" * 64))


def test_a_rejected_version_cannot_be_deployed(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.registry.register_card(card(version="1.1.0"))
    r.registry.transition("census", "1.1.0", "rejected", reason="fails on holidays")
    with pytest.raises(RefusedError, match=r"1\.1\.0 is rejected"):
        r.registry.deploy("census", "1.1.0", "production", reason="anyway")
    assert r.registry.config("census", "production").version == "1.0.0"


def test_a_running_version_cannot_be_archived(tmp_path: Path) -> None:
    r = room(tmp_path)
    with pytest.raises(RefusedError, match="runs in production"):
        r.registry.transition("census", "1.0.0", "archived", reason="old")


def test_unknown_names_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    r = room(tmp_path)
    with pytest.raises(UsageError, match="registered are census"):
        r.registry.config("sensus", "production")
    with pytest.raises(UsageError, match="production, staging"):
        r.registry.deploy("census", "1.0.0", "prod", reason="x")
    with pytest.raises(UsageError, match=r"registered are 1\.0\.0"):
        r.registry.deploy("census", "3", "production", reason="x")
    with pytest.raises(UsageError, match="not deployed in staging"):
        r.registry.config("census", "staging")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        r.registry.update_config("census", "production", {"threshold": 1.5}, reason="x")


def test_every_detector_registers_once_and_deploys_with_its_defaults(tmp_path: Path) -> None:
    r = room(tmp_path, deployed=False)
    assert [v.model for v in r.registry.register_all()] == list(detector.names())
    assert r.registry.register_all() == []
    for model in r.registry.models():
        new = r.registry.deploy(model.name, model.newest_version, "production", reason="start")
        assert new.config == detector.load(model.name).defaults()
        with pytest.raises(ConfigError, match="did you mean 'threshold'"):
            r.registry.update_config(model.name, "production", {"treshold": 0.6}, reason="x")


def test_the_accuracy_that_alerts_can_be_changed_and_says_so_in_the_log(tmp_path: Path) -> None:
    r = room(tmp_path)
    assert r.registry.update_alert("census", accuracy=0.88, reason="better data").alert_accuracy == 0.88
    assert r.reader.query("SELECT body FROM events WHERE kind = 'model.alert_changed'").height == 1
    with pytest.raises(UsageError):
        r.registry.update_alert("census", accuracy=88, reason="percent")
    with pytest.raises(ConflictError, match=r"to 0\.88 warning"):
        r.registry.update_alert("census", accuracy=0.9, reason="late", expected=1)


RACER = """
import sys
from pathlib import Path
from engine.registry import Actor, Registry
from storage.errors import ConflictError
from storage.ledger import Ledger
registry = Registry(Ledger(Path(sys.argv[1])), Actor("racer-" + sys.argv[2], "cli", "here"))
done = conflicts = 0
while done < 10:
    seen = registry.config("census", "production")
    wanted = {"counter": seen.config.get("counter", 0) + 1}
    try:
        registry.update_config("census", "production", wanted, reason="race", expected=seen.id)
        done += 1
    except ConflictError:
        conflicts += 1
print(conflicts)
"""


def test_eight_processes_that_count_in_a_setting_lose_no_update(tmp_path: Path) -> None:
    r = room(tmp_path)
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, str(r.ledger.path), str(i)], stdout=subprocess.PIPE, text=True)
        for i in range(8)
    ]
    conflicts = sum(int(racer.communicate(timeout=120)[0]) for racer in racers)
    assert all(racer.returncode == 0 for racer in racers)
    assert conflicts > 0, "the race must have been one"
    assert r.registry.config("census", "production").config["counter"] == 80
    assert len(r.registry.history("census")) == 81
    with r.ledger.read() as connection:
        assert verify(connection).intact


def test_a_protected_environment_needs_a_second_person_for_exactly_this_change(tmp_path: Path) -> None:
    r = room(tmp_path)
    mine = Approvals(r.ledger, MARA, r.clock)
    mine.protect("production", reason="audit")
    with pytest.raises(RefusedError, match="second person"):
        r.registry.update_config("census", "production", {"threshold": 0.6}, reason="x")
    asked = r.registry.request_config("census", "production", {"threshold": 0.6}, reason="x")
    for nobody in (MARA, JOB):
        with pytest.raises(RefusedError, match="another person"):
            Approvals(r.ledger, nobody, r.clock).decide(asked.id, "approved")
    Approvals(r.ledger, IDRIS, r.clock).decide(asked.id, "approved", comment="seen")
    with pytest.raises(RefusedError):
        r.registry.update_config("census", "production", {"threshold": 0.65}, reason="another value")
    done = r.registry.update_config("census", "production", {"threshold": 0.6}, reason="x")
    assert done.threshold == 0.6
    r.registry.rollback(r.registry.plan_rollback("census", "production"), reason="the way back needs no approval")
    with pytest.raises(RefusedError, match="second person"):
        r.registry.update_config("census", "production", {"threshold": 0.6}, reason="an approval is used once")


def test_an_approval_lapses_after_three_days(tmp_path: Path) -> None:
    r = room(tmp_path)
    Approvals(r.ledger, MARA, r.clock).protect("production", reason="audit")
    asked = r.registry.request_config("census", "production", {"threshold": 0.6}, reason="x")
    r.clock.tick(hours=73)
    with pytest.raises(RefusedError, match="lapsed"):
        Approvals(r.ledger, IDRIS, r.clock).decide(asked.id, "approved")
    assert Approvals(r.ledger, IDRIS, r.clock).open() == []


def test_breaking_the_glass_works_and_stays_in_the_log(tmp_path: Path) -> None:
    r = room(tmp_path)
    Approvals(r.ledger, MARA, r.clock).protect("production", reason="audit")
    urgent = Registry(r.ledger, MARA, r.clock, break_glass="attack running")
    urgent.update_config("census", "production", {"threshold": 0.6}, reason="x")
    found = r.reader.query("SELECT body FROM events WHERE kind = 'deployment.config_changed'")
    assert '"break_glass":"attack running"' in found["body"][0]


def test_an_actor_is_who_the_kernel_says_with_host_and_ssh_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    import getpass
    import os
    import pwd

    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.9 50022 10.0.0.5 22")
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    actor = Actor.current("cli")
    assert actor.name == pwd.getpwuid(os.getuid()).pw_name != getpass.getuser()
    assert actor.host.endswith("from 203.0.113.9")
    assert (actor.is_person, JOB.is_person) == (True, False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, "high", True])
def test_a_threshold_that_is_no_share_is_refused(tmp_path: Path, value: object) -> None:
    r = room(tmp_path)
    with pytest.raises(ConfigError, match="threshold"):
        r.registry.update_config("census", "production", {"threshold": value}, reason="x")
    with pytest.raises(ConfigError, match="limit must be a number"):
        r.registry.update_config("census", "production", {"limit": float("nan")}, reason="x")


class RegistryMachine(RuleBasedStateMachine):
    """Any sequence of deployments, changes and rollbacks, against a plain list of what ran."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.room = room(Path(self.folder.name))
        for version in ("1.1.0", "1.2.0"):
            self.room.registry.register_card(card(version=version))
        self.ran = [("1.0.0", {"threshold": 0.5, "limit": 120})]

    def teardown(self) -> None:
        self.room.ledger.close()
        self.folder.cleanup()

    @rule(version=st.sampled_from(["1.0.0", "1.1.0", "1.2.0"]), threshold=st.sampled_from([0.5, 0.6, 0.7]))
    def deploy(self, version: str, threshold: float) -> None:
        """Deploy a version with settings; the same pair again is no deployment."""
        self.room.registry.deploy("census", version, "production", config={"threshold": threshold}, reason="x")
        pair = (version, {"threshold": threshold, "limit": 120})
        if self.ran[-1] != pair:
            self.ran.append(pair)

    @rule(limit=st.integers(1, 3))
    def configure(self, limit: int) -> None:
        """Change a setting of what runs."""
        version, config = self.ran[-1]
        if config["limit"] != limit:
            self.room.registry.update_config("census", "production", {"limit": limit}, reason="x")
            self.ran.append((version, config | {"limit": limit}))

    @rule(what=st.sampled_from(["both", "version", "config"]))
    def roll_back(self, what: Literal["both", "version", "config"]) -> None:
        """Go back to the newest earlier pair that differs in what is asked for."""
        version, config = self.ran[-1]
        fitting = {
            "both": [p for p in self.ran if p != self.ran[-1]],
            "version": [p for p in self.ran if p[0] != version],
            "config": [(version, p[1]) for p in self.ran if p[1] != config],
        }[what]
        if not fitting:
            with pytest.raises(RefusedError):
                self.room.registry.plan_rollback("census", "production", what=what)
            return
        plan = self.room.registry.plan_rollback("census", "production", what=what)
        self.room.registry.rollback(plan, reason="x")
        self.ran.append(fitting[-1])

    @invariant()
    def what_runs_is_what_was_put_there_and_the_log_is_whole(self) -> None:
        """One active deployment, the history as it happened, and an intact chain."""
        past = self.room.registry.history("census", "production")
        assert [(d.version, dict(d.config)) for d in reversed(past)] == self.ran
        assert [d.status for d in past] == ["active"] + ["ended"] * (len(past) - 1)
        with self.room.ledger.read() as connection:
            assert verify(connection).intact


RegistryMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
TestRegistryMachine = RegistryMachine.TestCase
