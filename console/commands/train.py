"""`watchroom train`: fit the payload model of waf-behavioral anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, YesOption
from console.output import Output, emit_one
from storage.errors import UsageError

PANEL = "Model Registry"


def command(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A folder of SET/public/requests.parquet.")],
    to: Annotated[Path, typer.Option("--to", help="The file to write, e.g. payload.npz.")],
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="A data set to learn from; default those free to learn from.")
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Learn from this home's landed and labelled requests as well.")
    ] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Fit the payload model of waf-behavioral on labelled requests and write it to a file; same data, same model.

    Use it with `watchroom update-config waf-behavioral --set model=FILE`, staging first. A table of requests has the
    column label (attack or benign) and any of path, query, body, headers, user_agent, referer.

    Example: watchroom train data/waf --to payload.npz --yes
    """
    from engine.waf.train import LICENSED, train

    if to.exists():
        raise UsageError(f"{to} is there already; choose another name")
    chosen = tuple(sets) if sets else LICENSED
    mine = None
    if own:
        from engine.room import Room
        from engine.waf.own import own_requests

        mine = own_requests(Room.open(home).lake)
    besides = f" and {mine.height:,} labelled requests of this home" if mine is not None else ""
    if not confirm(f"learn from {', '.join(chosen)} in {data}{besides}, write {to}", yes=yes, dry_run=dry_run):
        return
    model = train(data, chosen, mine)
    model.save(to)
    emit_one({"file": str(to), "signals": len(model.signals), "requests": sum(model.trained_on.values()),
              "trained_on": model.trained_on, "data_sha256": model.data_sha256}, output)  # fmt: skip
