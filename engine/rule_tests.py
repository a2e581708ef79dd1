"""Tests of rules, written beside them: what a rule says look by look, and which state its alert must then have.

[[test]]
rule = "model_accuracy_below_threshold"
every_minutes = 5
said = "bbbb-cccccccc"       # b bad, c clear, - neither
state = "pffffrrrrrrr."      # p pending, f firing, r recovering, . none or over
"""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine import alert_life
from engine.alert_life import Alert
from engine.alert_rules import Rule, default_rules, seen
from storage.errors import ConfigError

_SAID = {"b": (True, False), "c": (False, True), "-": (False, False)}
_KEYS = {"rule", "every_minutes", "said", "state"}
_START = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Result:
    """One test: the states that were expected and those that came."""

    rule: str
    said: str
    expected: str
    got: str

    @property
    def ok(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.got


def run_tests(text: str, name: str, rules: Sequence[Rule]) -> list[Result]:
    """Run the tests of a TOML text; `name` says in errors where it came from. Raises ConfigError."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: {error}") from error
    by_name = {rule.name: rule for rule in rules}
    results = []
    for number, test in enumerate(content.get("test", []), start=1):
        if set(test) != _KEYS:
            raise ConfigError(f"{name}: test {number} needs exactly the keys {', '.join(sorted(_KEYS))}")
        if test["rule"] not in by_name:
            raise ConfigError(f"{name}: test {number}: no rule {test['rule']!r}; there are {', '.join(by_name)}")
        if not set(test["said"]) <= set(_SAID):
            raise ConfigError(f"{name}: test {number}: `said` is written with b, c and -")
        step = timedelta(minutes=float(test["every_minutes"]))
        got = states(by_name[test["rule"]], test["said"], step)
        results.append(Result(test["rule"], test["said"], test["state"], got))
    if not results:
        raise ConfigError(f"{name}: no [[test]] in it")
    return results


def own_tests(path: Path, rules: Sequence[Rule]) -> list[Result]:
    """The tests that come with watchroom, of rules that the file at `path` does not replace, and those in that file."""
    shipped = {rule.name for rule in default_rules() if rule in rules}
    text = (importlib.resources.files("engine") / "rules" / "tests.toml").read_text(encoding="utf-8")
    results = [result for result in run_tests(text, "tests.toml", default_rules()) if result.rule in shipped]
    own = path.read_text(encoding="utf-8") if path.is_file() else ""
    return results + (run_tests(own, str(path), rules) if "[[test]]" in own else [])


def states(rule: Rule, said: str, step: timedelta) -> str:
    """The alert's state after each look, a letter each."""
    alert: Alert | None = None
    letters = []
    for number, letter in enumerate(said):
        bad, clear = _SAID[letter]
        answer, now = seen(rule, {"bad": bad, "clear": clear}), _START + number * step
        if alert is not None:
            alert = alert_life.step(alert, answer, now)
        elif bad:
            alert = alert_life.begin(answer, now)
        if alert is not None and not alert.is_open:
            alert = None
        letters.append(alert.state[0] if alert is not None else ".")
    return "".join(letters)
