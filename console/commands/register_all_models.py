"""`watchroom register-all-models`: put every installed detector into the registry."""

from __future__ import annotations

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, ReasonOption, YesOption
from console.output import Output, emit

PANEL = "Model Registry"


def command(
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Register the installed version of every detector; what is registered already stays as it is.

    Example: watchroom register-all-models --yes
    """
    from engine.detector import load, names
    from engine.room import Room

    listed = ", ".join(f"{name} {load(name).version}" for name in names())
    if confirm(f"register {listed}", yes=yes, dry_run=dry_run):
        room = Room.open(home, create=True, deploy=False)
        done = room.registry.register_all(reason=reason)
        emit([{"model": v.model, "version": v.version, "state": v.state} for v in done], output)
