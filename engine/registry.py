"""The registry: models, versions, environments, configurations and deployments, and the way back.

Nothing is edited: a change is a new deployment that pins a version and a config revision, a rollback is a new
deployment of an earlier pair. Every change names who, when and why, adds one event to the hash-chained log in the
same transaction, and compares before it sets: `expected` is the id of the deployment that the caller saw as current,
0 for none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine import deployment, detector, rollout, versions
from engine.actor import Actor
from engine.approvals import Approval, Approvals
from engine.deployment import Deployment, RollbackPlan, What
from engine.rollout import Change, Moment
from engine.versions import Card, Model, Version
from storage.audit import append
from storage.clock import Clock, rfc3339, utc_now
from storage.errors import ConflictError, RefusedError, UsageError
from storage.ledger import Ledger

__all__ = ["Actor", "Card", "Deployment", "Model", "Registry", "RollbackPlan", "Version"]


class Registry:
    """The registry of one home, as `actor` uses it. Holds no state of its own; the ledger does."""

    def __init__(self, ledger: Ledger, actor: Actor, clock: Clock = utc_now, break_glass: str = "") -> None:
        """`break_glass` is the reason for changing a protected environment without a second person."""
        self.ledger = ledger
        self.actor = actor
        self.clock = clock
        self.break_glass = break_glass

    def register(self, model: str, version: str | None = None, *, reason: str = "") -> Version:
        """Register the detector of that name as it is now; again is fine as long as its code is the same."""
        return self.register_card(versions.detector_card(model, version), reason=reason)

    def register_card(self, card: Card, *, reason: str = "") -> Version:
        """Register what a card says, e.g. a model that runs elsewhere (kind `external`)."""
        with self._moment() as moment:
            versions.insert(moment.connection, card, self.actor, ts=moment.ts, reason=reason)
            return versions.find(moment.connection, card.name, card.version)

    def register_all(self, *, reason: str = "") -> list[Version]:
        """Register every detector that is not registered in its version yet; returns those that were new."""
        new = []
        cards = [versions.detector_card(name) for name in detector.names()]
        with self._moment() as moment:
            connection, ts = moment.connection, moment.ts
            for card in cards:
                known = connection.execute(
                    "SELECT 1 FROM model_version WHERE model = ? AND version = ?", (card.name, card.version)
                ).fetchone()
                if known is None and versions.insert(connection, card, self.actor, ts=ts, reason=reason):
                    new.append(versions.find(connection, card.name, card.version))
        return new

    def models(self) -> list[Model]:
        """All registered models by name."""
        with self.ledger.read() as connection:
            rows = connection.execute(f"{versions.SELECT_MODEL} ORDER BY m.name")
            return [versions.model_from_row(row) for row in rows]

    def model(self, name: str) -> Model:
        """One model. Raises UsageError saying how to register it."""
        with self.ledger.read() as connection:
            return versions.get(connection, name)

    def versions(self, model: str) -> list[Version]:
        """The versions of a model, oldest first."""
        with self.ledger.read() as connection:
            versions.get(connection, model)
            return versions.list_of(connection, model)

    def transition(self, model: str, version: str, state: str, *, reason: str) -> Version:
        """Move a version to `validated`, `archived` or `rejected`. One that is deployed cannot leave by this."""
        if state not in ("validated", "archived", "rejected"):
            raise UsageError(f"a version becomes {state} by deploying it")
        with self._moment() as moment:
            connection, ts = moment.connection, moment.ts
            found = versions.find(connection, model, version)
            busy = connection.execute(
                "SELECT environment FROM deployment WHERE model = ? AND version = ? AND status = 'active'",
                (model, version),
            ).fetchone()
            if busy is not None:
                raise RefusedError(f"{model} {version} runs in {busy['environment']}; deploy another version first")
            versions.move(connection, found, state, self.actor, ts=ts, reason=reason)
            return versions.find(connection, model, version)

    def update_alert(self, model: str, *, accuracy: float | None = None, severity: str | None = None, reason: str,
                     expected: int | None = None) -> Model:  # fmt: skip
        """Change the accuracy under which an alert is raised (0..1), or its severity (info, warning, critical).

        `expected` is the `row_version` that the caller saw.
        """
        if accuracy is not None and not 0.0 < accuracy < 1.0:
            raise UsageError(f"an accuracy lies between 0 and 1, not {accuracy}")
        if severity is not None and severity not in ("info", "warning", "critical"):
            raise UsageError(f"a severity is info, warning or critical, not {severity!r}")
        with self._moment() as moment:
            connection, ts = moment.connection, moment.ts
            old = versions.get(connection, model)
            if expected is not None and expected != old.row_version:
                raise ConflictError(
                    f"somebody changed the alert of {model} to {old.alert_accuracy} {old.alert_severity};"
                    " nothing was changed, look again"
                )
            connection.execute(
                "UPDATE model SET alert_accuracy = ?, alert_severity = ?, updated_ts = ?,"
                " row_version = row_version + 1 WHERE name = ?",
                (old.alert_accuracy if accuracy is None else accuracy, severity or old.alert_severity, ts, model),
            )
            new = versions.get(connection, model)
            body = {"from": [old.alert_accuracy, old.alert_severity], "to": [new.alert_accuracy, new.alert_severity],
                    "reason": reason}  # fmt: skip
            append(connection, self.actor, ts=ts, kind="model.alert_changed", subject=model, body=body)
            return new

    def deploy(self, model: str, version: str, environment: str, *, config: Mapping[str, Any] | None = None,
               reason: str, expected: int | None = None) -> Deployment:  # fmt: skip
        """Put a version into an environment.

        Without `config`: the settings this version last ran with, else those that run there now, else its defaults.
        If exactly that pair runs there already, nothing changes and the running deployment is returned.
        """
        with self._moment() as moment:
            current = rollout.current(moment.connection, model, environment, expected)
            change = self._deploy_change(moment, (model, version, environment), config, reason)
            if current is not None and current.pair == (change.version, change.config_revision):
                return current
            return rollout.put(moment, change)

    def plan_deploy(self, model: str, version: str, environment: str) -> tuple[Deployment | None, Mapping[str, Any]]:
        """What runs there now, and the settings that `deploy` would put there with the version. Changes nothing."""
        with self.ledger.read() as connection:
            now = rollout.current(connection, model, environment, None)
            return now, rollout.config_for(connection, versions.find(connection, model, version), now)

    def request_deploy(self, model: str, version: str, environment: str, *, config: Mapping[str, Any] | None = None,
                       reason: str) -> Approval:  # fmt: skip
        """Ask a second person for the deployment that `deploy` with the same arguments would make."""
        with self._moment() as moment:
            change = self._deploy_change(moment, (model, version, environment), config, reason)
        return Approvals(self.ledger, self.actor, self.clock).request(rollout.approval_body(change))

    def deployed(self, environment: str | None = None) -> list[Deployment]:
        """What runs now, in one environment or all."""
        with self.ledger.read() as connection:
            rows = connection.execute(
                f"{deployment.SELECT} WHERE d.status = 'active' AND (?1 IS NULL OR d.environment = ?1)"
                " ORDER BY d.model, d.environment",
                (environment,),
            )
            return [deployment.from_row(row) for row in rows]

    def history(self, model: str, environment: str | None = None) -> list[Deployment]:
        """All deployments of a model, newest first."""
        with self.ledger.read() as connection:
            versions.get(connection, model)
            return rollout.history(connection, model, environment)

    def config(self, model: str, environment: str) -> Deployment:
        """The running deployment with its settings. Raises UsageError if nothing runs there."""
        with self.ledger.read() as connection:
            return rollout.running(connection, model, environment)

    def update_config(self, model: str, environment: str, changes: Mapping[str, Any], *, reason: str,
                      expected: int | None = None, kind: str = "config") -> Deployment:  # fmt: skip
        """Change settings: a new config revision and a new deployment of the same version."""
        with self._moment() as moment:
            current = rollout.running(moment.connection, model, environment, expected)
            change = self._config_change(moment, current, changes, reason, kind)
            return rollout.put(moment, change)

    def request_config(self, model: str, environment: str, changes: Mapping[str, Any], *, reason: str,
                       kind: str = "config") -> Approval:  # fmt: skip
        """Ask a second person for the change that `update_config` with the same arguments would make."""
        with self._moment() as moment:
            current = rollout.running(moment.connection, model, environment)
            change = self._config_change(moment, current, changes, reason, kind)
        return Approvals(self.ledger, self.actor, self.clock).request(rollout.approval_body(change))

    def plan_rollback(self, model: str, environment: str, *, what: What = "both",
                      to_version: str | None = None) -> RollbackPlan:  # fmt: skip
        """Where a rollback would go. Changes nothing.

        both: the newest earlier deployment that differs in version or settings. version: the newest one of another
        version (or of `to_version`), with the settings it ran with. config: this version with the settings before.
        """
        with self.ledger.read() as connection:
            current = rollout.running(connection, model, environment)
            earlier = [d for d in rollout.history(connection, model, environment) if d.id < current.id]
        return deployment.plan(current, deployment.rollback_target(current, earlier, what, to_version))

    def rollback(self, plan: RollbackPlan, *, reason: str, expected: int | None = None) -> Deployment:
        """Deploy the plan's earlier pair anew. Raises ConflictError if the registry moved since the plan was made."""
        with self._moment() as moment:
            seen = plan.current.id if expected is None else expected
            rollout.current(moment.connection, plan.model, plan.environment, seen)
            versions.checked_config(moment.connection, plan.model, plan.target.config)
            change = Change(plan.model, plan.environment, *plan.target.pair, "rollback", reason, plan.target.id)
            return rollout.put(moment, change)

    def _deploy_change(self, moment: Moment, what: tuple[str, str, str], config: Mapping[str, Any] | None,
                       reason: str) -> Change:  # fmt: skip
        model, version, environment = what
        found = versions.find(moment.connection, model, version)
        current = rollout.current(moment.connection, model, environment, None)
        if config is None:
            body = rollout.config_for(moment.connection, found, current)
        else:
            body = dict(found.defaults) | dict(config)
        revision = rollout.revision(moment, model, body, reason)
        return Change(model, environment, version, revision, "deploy", reason)

    def _config_change(self, moment: Moment, current: Deployment, changes: Mapping[str, Any], reason: str,
                       kind: str) -> Change:  # fmt: skip
        model, environment = current.model, current.environment
        body = versions.checked_config(moment.connection, model, dict(current.config) | dict(changes))
        if body == current.config:
            raise RefusedError(f"{model} in {environment} has these settings already; nothing was changed")
        revision = rollout.revision(moment, model, body, reason, parent=current.config_revision)
        return Change(model, environment, current.version, revision, kind, reason)

    @contextmanager
    def _moment(self) -> Iterator[Moment]:
        with self.ledger.write() as connection:
            yield Moment(connection, self.actor, rfc3339(self.clock()), self.break_glass)
