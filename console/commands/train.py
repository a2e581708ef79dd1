"""`watchroom train`: fit the payload model of waf-behavioral anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, YesOption
from console.output import Output, emit_one
from storage.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from engine.waf.model import PayloadModel

PANEL = "Model Registry"


def command(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A folder of SET/public/requests.parquet.")],
    to: Annotated[Path, typer.Option("--to", help="The file to write, e.g. payload.npz.")],
    version: Annotated[
        str | None, typer.Option("--register", metavar="VERSION", help="Register the model under this version.")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="A data set to learn from; default those free to learn from.")
    ] = None,
    own: Annotated[bool, typer.Option("--own", help="Learn from this home's labelled requests as well.")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Fit the payload model of waf-behavioral on labelled requests and write it to a file; same data, same model.

    With --register it is a version of its own, with the hash of the training data in the registry's log: deploy it,
    staging first. Without, `watchroom update-config waf-behavioral --set model=FILE` uses it. A table of requests has
    the column label (attack or benign) and any of path, query, body, headers, user_agent, referer.

    Example: watchroom train data/waf --own --to payload.npz --register 1.1.0 --yes
    """
    from engine.waf.train import LICENSED, train

    if to.exists():
        raise UsageError(f"{to} is there already; choose another name")
    chosen = tuple(sets) if sets else LICENSED
    mine = _own(home) if own else None
    besides = f" and {mine.height:,} labelled requests of this home" if mine is not None else ""
    then = f", register it as waf-behavioral {version}" if version else ""
    if not confirm(f"learn from {', '.join(chosen)} in {data}{besides}, write {to}{then}", yes=yes, dry_run=dry_run):
        return
    model = train(data, chosen, mine)
    model.save(to)
    if version:
        _register(home, version, to.resolve(), model)
    emit_one(
        {"file": str(to), "signals": len(model.signals), "requests": sum(model.trained_on.values()),
         "trained_on": model.trained_on, "data_sha256": model.data_sha256, "version": version}, output,
    )  # fmt: skip


def _own(home: Path | None) -> pl.DataFrame:
    """The labelled requests of this home."""
    from engine.room import Room
    from engine.waf.own import own_requests

    return own_requests(Room.open(home).lake)


def _register(home: Path | None, version: str, file: Path, model: PayloadModel) -> None:
    """A version of waf-behavioral that uses `file`. Raises RefusedError where the version has other content."""
    import hashlib
    from dataclasses import replace

    from engine.room import Room
    from engine.versions import detector_card

    card = detector_card("waf-behavioral", version)
    content = file.read_bytes()
    mine = replace(
        card, defaults=dict(card.defaults) | {"model": str(file)}, sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content), data_sha256=model.data_sha256,
    )  # fmt: skip
    learnt = ", ".join(f"{name} ({count:,})" for name, count in model.trained_on.items())
    Room.open(home).registry.register_card(mine, reason=f"trained on {learnt}")
