"""A deployment as commands show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from console.output import Output, emit, emit_one

if TYPE_CHECKING:
    from engine.deployment import Deployment, RollbackPlan
    from engine.versions import Version

COLUMNS = ("model", "environment", "version", "config_revision", "threshold", "deployed", "actor", "kind", "reason")


def as_row(deployment: Deployment) -> dict[str, Any]:
    """The facts of a deployment, settings included."""
    return {
        "model": deployment.model,
        "environment": deployment.environment,
        "version": deployment.version,
        "config_revision": deployment.config_revision,
        "threshold": deployment.threshold,
        "deployed": deployment.started_ts,
        "ended": deployment.ended_ts,
        "actor": deployment.actor,
        "kind": deployment.kind,
        "reason": deployment.reason,
        "id": deployment.id,
        "config": dict(deployment.config),
    }


def show_deployment(deployment: Deployment, output: Output) -> None:
    """One deployment."""
    emit_one(as_row(deployment), output)


def show_deployments(deployments: Sequence[Deployment], output: Output, empty: str) -> None:
    """Several deployments, a row each."""
    emit([as_row(d) for d in deployments], output, columns=COLUMNS, empty=empty)


def show_version(version: Version, output: Output) -> None:
    """A version that was just registered."""
    emit_one(
        {"model": version.model, "version": version.version, "state": version.state,
         "registered_by": version.created_by}, output,
    )  # fmt: skip


def describe(plan: RollbackPlan) -> str:
    """A rollback in one line: from, to, and which settings change."""
    changes = " · ".join(f"{key} {old} -> {new}" for key, (old, new) in plan.config_changes.items())
    return f"roll back {plan}" + (f" ({changes})" if changes else "")
