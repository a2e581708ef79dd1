"""`watchroom forget`: one client or user leaves the home for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, YesOption
from console.output import Output, emit_one

if TYPE_CHECKING:
    from engine.room import Room

PANEL = "Maintenance"


def command(
    subject: Annotated[str, typer.Option("--subject", help="The client or user: an address, a name, an e-mail.")],
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Forget one client or user: every row that names them in every table, and every copy of it in the home.

    Rejects, superseded segments, the ledger's texts, notes and backups are included, other spellings and the pseudonym
    too. The logs themselves and what was exported elsewhere are not touched. The same as `watchroom lake forget`.

    Example: watchroom forget --subject 203.0.113.7 --yes
    """
    from engine.room import Room

    forget_subject(Room.open(home), subject, yes=yes, dry_run=dry_run, output=output)


def forget_subject(room: Room, subject: str, *, yes: bool, dry_run: bool, output: Output) -> None:
    """Ask, forget, and say what went."""
    from engine.config_file import load_config
    from engine.manner import manner
    from storage.forget import forget
    from storage.subject import spellings

    spellings(subject)  # refuses what is too short before anybody is asked
    change = f"forget {subject}: every row that names it, superseded files, aside/ and the old backups; for good"
    pseudonym = manner(load_config(room.home.config).landing).masking.pseudonym(subject)
    if confirm(change, yes=yes, dry_run=dry_run):
        done = forget(room.lake, subject, room.registry.actor, also=[pseudonym] if pseudonym else [])
        emit_one({"subject": subject, "rows": dict(done.rows), "segments": done.segments,
                  "ledger_rows": done.ledger_rows, "note_lines": done.note_lines}, output)  # fmt: skip
