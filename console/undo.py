"""The one way back that every rollback command takes: plan, say, ask, do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from console.confirm import confirm
from console.deployed import describe, show_deployment

if TYPE_CHECKING:
    from console.output import Output
    from engine.deployment import What


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked to be undone: of which model and where, what of it, why; said yes to, or only rehearsed."""

    model: str
    environment: str
    what: What
    reason: str
    yes: bool
    dry_run: bool
    to_version: str | None = None


def undo(home: Path | None, asked: Asked, output: Output) -> None:
    """Say where the rollback goes, and make it unless only rehearsed. Raises RefusedError where nobody said yes."""
    from engine.room import Room

    registry = Room.open(home).registry
    plan = registry.plan_rollback(asked.model, asked.environment, what=asked.what, to_version=asked.to_version)
    if confirm(describe(plan), yes=asked.yes, dry_run=asked.dry_run):
        show_deployment(registry.rollback(plan, reason=asked.reason), output)
