"""`watchroom demo`: the recorded sample as live traffic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from console.commands.performance_summary import COLUMNS as SUMMARY
from console.options import HomeOption, OutputOption
from console.output import Output, emit, emit_one, say

PANEL = "Logs"
LIVE_FROM = 0.55
"""Share of the recording that has already happened when the console opens."""
ALERTS = ("ts", "rule", "severity", "model", "from_state", "to_state", "value", "limit_value", "n", "actor")
FINDINGS = ("ts", "model", "subject", "score", "truth", "reason")


def command(
    speed: Annotated[
        float | None,
        typer.Option(min=0.1, help="1 is as it happened.", show_default="1; without a terminal as fast as it goes"),
    ] = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Replay the recorded sample as live traffic: on a terminal in the console, else to its end with a summary.

    After a while a bad release of waf-behavioral is deployed on purpose: in the console, R undoes it.

    Example: watchroom demo --speed 5
    """
    import tempfile

    place = home or Path(tempfile.mkdtemp(prefix="watchroom-demo-")) / "home"
    say(f"home {place}; look into it later with --home")
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _in_console(place, speed or 1.0)
    return _to_the_end(place, speed, output)


def _in_console(place: Path, speed: float) -> int:
    """The daemon in a process of its own, the console here."""
    import subprocess
    import time

    from storage.home import Home

    home = Home(place).create()
    with (home.state / "demo.log").open("wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "engine.demo", str(place), "--speed", str(speed), "--begin", str(LIVE_FROM)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    from console.app import open_console
    from engine.room import Room

    while not home.exists() and daemon.poll() is None:
        time.sleep(0.05)
    try:
        return open_console(Room.open(place, origin="console"))
    finally:
        daemon.terminate()
        daemon.wait(timeout=10)


def _to_the_end(place: Path, speed: float | None, output: Output) -> int:
    """The same replay without a console: what it leaves is printed. The bad release is undone when its alert fires."""
    import threading

    from engine.demo import Performance, logs_beside, perform, perform_stepwise
    from engine.room import Room

    room = Room.open(place, create=True)
    if speed is None:
        tally = perform_stepwise(room, logs_beside(place), tell=say)
    else:
        tally = perform(room, logs_beside(place), Performance(speed), threading.Event())
    say(f"{tally.judged:,} verdicts, {tally.flagged:,} flagged")
    query = room.reader.query
    answers = {
        "performance": query("SELECT * FROM performance_now ORDER BY model"),
        "findings": query(
            "SELECT * FROM findings QUALIFY row_number() OVER (PARTITION BY model ORDER BY ts DESC) <= 5"
            " ORDER BY model, ts DESC"
        ),
        "alerts": query("SELECT * FROM alert_history"),
    }
    if output is not Output.table:
        emit_one({name: rows.to_dicts() for name, rows in answers.items()}, output)
        return 0
    for name, columns in (("performance", SUMMARY), ("findings", FINDINGS), ("alerts", ALERTS)):
        print(f"\n{name}" + (", the newest of each model" if name == "findings" else ""))
        emit(answers[name], output, columns=columns, empty=f"no {name}")
    return 0
