"""`watchroom approvals`: four eyes on changes of a protected environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from console.confirm import confirm
from console.options import DryRunOption, EnvironmentOption, HomeOption, OutputOption, ReasonOption, YesOption
from console.output import Output, emit, emit_one
from storage.errors import UsageError

if TYPE_CHECKING:
    from engine.approvals import Approval
    from engine.room import Room

PANEL = "Model Registry"
What = Literal["list", "request", "approve", "reject", "protect", "unprotect"]


def command(
    what: Annotated[What, typer.Argument(help="What to do.")] = "list",
    subject: Annotated[str | None, typer.Argument(help="request: a model; approve, reject: a number.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="request: deploy this version.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="request: change a setting; repeatable.")
    ] = None,
    env: EnvironmentOption = "production",
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """List open requests, ask for a change of a protected environment, or decide about one as a second person.

    An approval is bound to exactly the change that was asked for, lapses after three days and is used once, by the
    command itself: `watchroom deploy` or `watchroom update-config` with the same words. Rollbacks need none.

    Example: watchroom approvals request n1-detector --version 1.1.0 --reason "fewer misses in staging" --yes
    """
    from engine.approvals import Approvals
    from engine.room import Room

    room = Room.open(home)
    desk = Approvals(room.ledger, room.registry.actor, room.clock)
    if what == "list":
        emit([_row(item) for item in desk.open()], output, empty="nothing waits for a decision")
        return
    if what in ("protect", "unprotect"):
        if confirm(f"{what} {env}", yes=yes, dry_run=dry_run):
            desk.protect(env, protected=what == "protect", reason=_needed(reason))
    elif subject is None:
        raise UsageError(f"say what to {what}: a model for request, a request's number for approve and reject")
    elif what == "request":
        wish = f"version {version}" if version else " ".join(changes or []) or "nothing"
        if confirm(f"ask a second person for {wish} of {subject} in {env}", yes=yes, dry_run=dry_run):
            emit_one(_row(_request(room, subject, version, changes or [], env, _needed(reason))), output)
    elif confirm(f"{what} request {_number(subject)}", yes=yes, dry_run=dry_run):
        decision = "approved" if what == "approve" else "rejected"
        emit_one(_row(desk.decide(_number(subject), decision, comment=reason)), output)


def _request(room: Room, model: str, version: str | None, changes: list[str], env: str, reason: str) -> Approval:
    from console.settings import pairs

    if (version is None) == (not changes):
        raise UsageError("ask for one change: --version to deploy, or --set KEY=VALUE")
    if version is not None:
        return room.registry.request_deploy(model, version, env, reason=reason)
    return room.registry.request_config(model, env, pairs(changes), reason=reason)


def _number(subject: str) -> int:
    if not subject.isdigit():
        raise UsageError(f"{subject!r} is no request's number; `watchroom approvals` lists them")
    return int(subject)


def _needed(reason: str) -> str:
    if not reason.strip():
        raise UsageError("a change needs a reason; give one with --reason")
    return reason


def _row(item: Approval) -> dict[str, Any]:
    return {
        "id": item.id, "subject": item.subject, "change": dict(item.diff), "requested_by": item.requested_by,
        "requested": item.requested_ts, "expires": item.expires_ts, "decision": item.decision,
        "decided_by": item.decided_by, "used": item.used_ts,
    }  # fmt: skip
