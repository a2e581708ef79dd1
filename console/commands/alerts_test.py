"""`watchroom alerts-test`: do the rules and the channels work?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit
from storage.errors import InputError, UsageError

if TYPE_CHECKING:
    from engine.room import Room
    from engine.rule_tests import Result

PANEL = "Monitoring"
COLUMNS = ("rule", "severity", "model", "environment", "subject", "says", "value", "limit", "n", "summary")


def command(
    tests: Annotated[Path | None, typer.Argument(metavar="TESTS", help="A TOML file of [[test]] tables.")] = None,
    rules: Annotated[Path | None, typer.Option("--rules", help="A rules file; default the home's rules.toml.")] = None,
    own: Annotated[
        bool, typer.Option("--tests", help="Run the tests beside the rules: ours, and rules.toml's.")
    ] = False,
    channels: Annotated[bool, typer.Option("--channels", help="Each channel and how its notices fared.")] = False,
    send: Annotated[bool, typer.Option("--send", help="Send a test notice through each channel.")] = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Ask every alert rule once, changing nothing; run tests of rules; or try the channels. Ends with 1 on a failure.

    Without TESTS each rule says what it sees now; one that cannot be asked is a failure. A test gives what a rule says
    look by look (b bad, c clear, -) and the states its alert must take (p pending, f firing, r recovering, .).

    Example: watchroom alerts-test --rules rules.toml
    """
    from engine.alert_rules import load_rules
    from engine.room import Room
    from engine.rule_answers import answers
    from engine.rule_tests import own_tests, run_tests

    if sum((tests is not None, own, channels, send)) > 1:
        raise UsageError("say one of TESTS, --tests, --channels, --send")
    room = Room.open(home)
    if channels or send:
        return _channels(room, send, output)
    path = rules if rules is not None else room.home.path / "rules.toml"
    known = load_rules(path)
    if own:
        return _results(own_tests(path, known), output)
    if tests is None:
        rows = answers(room.reader, known, room.clock())
        emit(rows, output, columns=COLUMNS, limit=0)
        return 1 if any(row["says"] == "error" for row in rows) else 0
    try:
        text = tests.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {tests}: {error}") from None
    return _results(run_tests(text, str(tests), known), output)


def _results(results: Sequence[Result], output: Output) -> int:
    emit([{"rule": r.rule, "ok": r.ok, "said": r.said, "expected": r.expected, "got": r.got} for r in results], output)
    return 0 if all(result.ok for result in results) else 1


def _channels(room: Room, send: bool, output: Output) -> int:
    from engine.channel_health import health, send_test
    from engine.config_file import channels, load_config

    configured = channels(load_config(room.home.config))
    rows: list[dict[str, Any]] = (
        send_test(configured, room.clock()) if send else health(room.reader, configured).to_dicts()
    )
    emit(rows, output, empty="no channel is configured; see docs/configuration.md")
    return 1 if any(row["state"] in ("dead", "failed") for row in rows) else 0
