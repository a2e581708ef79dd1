"""`watchroom review`: what to label next."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cells import printable
from console.confirm import confirm
from console.options import DryRunOption, EnvironmentOption, HomeOption, ModelArgument, OutputOption, YesOption
from console.output import Output, emit, say
from storage.errors import RefusedError

if TYPE_CHECKING:
    from engine.room import Room

PANEL = "Performance Monitoring"
COLUMNS = ("ts", "subject", "window_start", "score", "threshold", "flagged", "propensity", "reason")
ANSWERS = {"t": True, "f": False}


def command(
    model: ModelArgument,
    budget: Annotated[
        int, typer.Option("--budget", min=1, help="About how many of the newest verdicts to label.")
    ] = 20,
    last: Annotated[int, typer.Option("--last", min=1, help="Of how many of the newest verdicts.")] = 5_000,
    label: Annotated[bool, typer.Option("--label", help="Go through them and ask for each one's truth.")] = False,
    env: EnvironmentOption = "production",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Draw verdicts to label: half of them evenly, half where the score is near the cut-off, which teaches most.

    `propensity` is the chance a verdict was drawn with. It goes with its label, and every figure weighs by it, so that
    labelling what is uncertain does not make a model look worse than it is. Asking again draws the same ones; what is
    labelled leaves the queue. --label asks on the terminal: t it is what the model looks for, f it is not, s skips,
    q ends. Labels made elsewhere keep `propensity` as a key of the label event; `watchroom label` takes --propensity.

    Example: watchroom review waf-behavioral --budget 20 --output jsonl
    """
    from engine.review import draw
    from engine.room import Room

    room = Room.open(home)
    room.registry.model(model)
    queue = draw(room.reader, model, budget, environment=env, last=last)
    if not label:
        emit(
            queue, output, columns=COLUMNS, limit=0, empty="nothing to label: every verdict that was drawn has a label"
        )
        return
    if not confirm(f"label up to {queue.height} verdicts of {model}", yes=yes, dry_run=dry_run):
        return
    if not sys.stdin.isatty():
        raise RefusedError("there is no terminal to ask on; `watchroom label` takes a truth and its --propensity")
    done = list(_asked(room, model, queue.iter_rows(named=True), queue.height))
    emit(done, output, limit=0, empty="nothing was labelled")


def _asked(room: Room, model: str, queue: Iterator[dict[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    """Ask for the truth of each verdict and write it down; what was labelled."""
    from engine.labels import label

    for number, row in enumerate(queue, start=1):
        say("")
        say(f"{number}/{total}  {_verdict(row)}")
        answer = _answer()
        if answer == "q":
            return
        if answer in ANSWERS:
            truth = ANSWERS[answer]
            label(room.lake, model, row["subject"], truth, actor=room.registry.actor, window_start=row["window_start"],
                  note="review", propensity=row["propensity"])  # fmt: skip
            yield {"model": model, "subject": row["subject"], "window_start": row["window_start"], "truth": truth,
                   "propensity": row["propensity"]}  # fmt: skip


def _verdict(row: Mapping[str, Any]) -> str:
    """A verdict with its evidence, for a person to judge."""
    said = "flagged" if row["flagged"] else "passed"
    head = f"{row['ts']:%Y-%m-%d %H:%M:%S} {row['subject']}: {said}, score {row['score']:.3f}: {row['reason'] or '-'}"
    return printable(head, limit=400) + "\n    " + printable(row["evidence"] or "no evidence", limit=1_000)


def _answer() -> str:
    while True:
        sys.stderr.write("t true, f false, s skip, q quit? ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        answer = line.strip().lower()[:1] if line else "q"
        if answer in {"t", "f", "s", "q"}:
            return answer
