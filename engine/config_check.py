"""Whether what is configured can work: the file, the environment, the rules, the channels, the models' settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.alert_rules import load_rules
from engine.config_file import ALIASES, load_config, validate
from engine.detector import load
from storage.errors import WatchroomError
from storage.home import Home


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was checked: ok, warning or failed, and what it came to."""

    check: str
    state: str
    detail: str


def check(home: Home, environ: Mapping[str, str]) -> list[Checked]:
    """Check the configuration of a home and change nothing; never raises for a mistake in it."""
    problems = validate(home.config, environ)
    found = [Checked("configuration", "failed", str(problem)) for problem in problems]
    if not problems:
        found.append(Checked("configuration", "ok", str(home.config) if home.config.is_file() else "defaults"))
        found += _models(home.config, environ)
    found += [Checked("environment", "ok", f"{name} sets {ALIASES[name][0]}") for name in ALIASES if name in environ]
    found.append(_rules(home.path / "rules.toml"))
    if home.config.is_file() and home.config.stat().st_mode & 0o077:
        words = f"{home.config} can be read by others; `chmod 600` keeps what is in it"
        found.append(Checked("file mode", "warning", words))
    return found


def _models(path: Path, environ: Mapping[str, str]) -> list[Checked]:
    config = load_config(path, environ)
    rows = []
    for name in ("n1-detector", "waf-behavioral", "queue-anomaly"):
        wanted = config.models.of(name)
        if not wanted.enabled:
            rows.append(Checked(f"model {name}", "warning", "is switched off"))
            continue
        try:
            settings = load(name).configured(wanted.settings).settings
            rows.append(Checked(f"model {name}", "ok", f"threshold {settings.threshold:g}"))
        except WatchroomError as error:
            rows.append(Checked(f"model {name}", "failed", str(error)))
    return rows


def _rules(path: Path) -> Checked:
    try:
        rules = load_rules(path)
    except WatchroomError as error:
        return Checked("rules", "failed", str(error))
    return Checked("rules", "ok", f"{len(rules)} rules, {path.name if path.exists() else 'the default ones'}")
