"""Reading the configuration, and saying of each value where it comes from and of each mistake where it is."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.errors import ConfigError

if TYPE_CHECKING:
    from engine.channel import Channel
    from engine.config import Config

ALIASES: Mapping[str, tuple[str, str]] = {
    "MODEL_REGISTRY_CACHE_TTL": ("registry.cache_ttl_s", "number"),
    "AUTO_TUNING_ENABLED": ("tuning.enabled", "flag"),
    "NPLUSONE_ML_ENABLED": ("models.n1-detector.enabled", "flag"),
    "NPLUSONE_ML_AUTO_REGISTER": ("models.n1-detector.auto_register", "flag"),
    "NPLUSONE_ML_TIMEOUT_MS": ("models.n1-detector.timeout_ms", "number"),
    "NPLUSONE_ML_CONFIDENCE_THRESHOLD": ("models.n1-detector.settings.threshold", "percent"),
    "WAF_ML_ENABLED": ("models.waf-behavioral.enabled", "flag"),
    "WAF_ML_AUTO_REGISTER": ("models.waf-behavioral.auto_register", "flag"),
    "WAF_ML_TIMEOUT_MS": ("models.waf-behavioral.timeout_ms", "number"),
    "WAF_ML_CONFIDENCE_THRESHOLD": ("models.waf-behavioral.settings.threshold", "percent"),
    "QUEUE_ML_ENABLED": ("models.queue-anomaly.enabled", "flag"),
    "QUEUE_ML_AUTO_REGISTER": ("models.queue-anomaly.auto_register", "flag"),
    "QUEUE_ML_TIMEOUT_MS": ("models.queue-anomaly.timeout_ms", "number"),
    "QUEUE_ML_CONFIDENCE_THRESHOLD": ("models.queue-anomaly.settings.threshold", "percent"),
    "JOB_ANOMALY_MIN_CONFIDENCE": ("models.queue-anomaly.settings.job_anomaly_min_confidence", "number"),
    "JOB_ANOMALY_THRESHOLD": ("models.queue-anomaly.settings.job_anomaly_threshold", "number"),
    "JOB_ANOMALY_ZSCORE_THRESHOLD": ("models.queue-anomaly.settings.job_anomaly_zscore_threshold", "number"),
    "JOB_ANOMALY_IQR_MULTIPLIER": ("models.queue-anomaly.settings.job_anomaly_iqr_multiplier", "number"),
}
"""The specification's environment variables: the key each one sets, and how it is read (60.0 is 0.6 as a percent)."""

_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_SECRET = ("url", "password", "secret", "token", "key")
"""The last words of keys whose values are secrets: a webhook's address is one, for whoever knows it may post."""


@dataclass(frozen=True, slots=True)
class Value:
    """One setting: its value, and where it comes from (`default`, `FILE:LINE` or the variable's name)."""

    key: str
    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the file (or `environment`), the line (0 if there is none), the key and what is wrong with it."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}"


def load_config(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of the file at `path` (it need not be there) and the environment. Raises ConfigError."""
    config, problems = _read(path, os.environ if environ is None else environ)
    if config is None or problems:
        raise ConfigError(str(problems[0]) + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""))
    return config


def validate(path: Path, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """Every mistake in the file and the environment, channels and their secrets included."""
    config, problems = _read(path, os.environ if environ is None else environ)
    if config is not None and not problems:
        for number, entry in enumerate(config.channel):
            try:
                _channel(entry)
            except ConfigError as error:
                problems.append(Problem(str(path), _line_of(path, ("channel",), number), "channel", str(error)))
    return problems


def show(path: Path, environ: Mapping[str, str] | None = None, *, secrets: bool = False) -> list[Value]:
    """Every setting with its value and source; what a secret is only with `secrets`."""
    known = os.environ if environ is None else environ
    config = load_config(path, known)
    by_key = {key: name for name, (key, _) in ALIASES.items() if name in known}
    by_key |= {key: name for key, name in _own_names(config) if name in known}
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = []
    for key, value in _flat(config.model_dump(by_alias=True)):
        line = _find_line(text, tuple(key.split(".")))
        source = by_key.get(key) or (f"{path}:{line}" if line else "default")
        found.append(Value(key, "(secret)" if _is_secret(key, value) and not secrets else value, source))
    return found


def _is_secret(key: str, value: Any) -> bool:
    """Whether a value is a secret itself, and not only where one is found (`env:NAME`, `file:PATH`)."""
    word = key.rpartition(".")[2].rpartition("_")[2]
    return word in _SECRET and bool(value) and not str(value).startswith(("env:", "file:"))


def channels(config: Config) -> list[Channel]:
    """The channels that are configured. Raises ConfigError."""
    return [_channel(entry) for entry in config.channel]


def _channel(entry: Mapping[str, Any]) -> Channel:
    from engine.channel import configured, names

    kind = entry.get("kind")
    if kind not in names():
        raise ConfigError(f"a channel needs kind = one of {', '.join(names())}, not {kind!r}")
    return configured(kind, {key: value for key, value in entry.items() if key != "kind"})


def _read(path: Path, environ: Mapping[str, str]) -> tuple[Config | None, list[Problem]]:
    from pydantic import ValidationError

    from engine.config import Config

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+)", str(error))
        return None, [Problem(str(path), int(where[1]) if where else 0, "TOML", str(error))]
    except (OSError, UnicodeDecodeError) as error:
        return None, [Problem(str(path), 0, "file", f"cannot be read ({error})")]
    problems = _overlay(content, environ)
    try:
        return Config(**content), problems
    except ValidationError as error:
        return None, problems + [_problem(path, dict(e)) for e in error.errors()]


def _overlay(content: dict[str, Any], environ: Mapping[str, str]) -> list[Problem]:
    """Put the specification's variables into the content; returns what is wrong with them."""
    problems = []
    for name, (key, kind) in ALIASES.items():
        if name not in environ:
            continue
        try:
            value = _parsed(environ[name], kind)
        except (ValueError, KeyError):
            wanted = "true or false" if kind == "flag" else "a number"
            problems.append(Problem("environment", 0, name, f"must be {wanted}, not {environ[name]!r}"))
            continue
        *tables, last = key.split(".")
        place = content
        for table in tables:
            place = place.setdefault(table, {})
        place[last] = value
    starts = ("NPLUSONE_ML_", "WAF_ML_", "QUEUE_ML_", "JOB_ANOMALY_", "AUTO_TUNING_", "MODEL_REGISTRY_")
    strange = [name for name in environ if name.startswith(starts) and name not in ALIASES]
    return problems + [Problem("environment", 0, name, _unknown(name, ALIASES)) for name in strange]


def _parsed(text: str, kind: str) -> float | bool:
    if kind == "flag":
        return _FLAGS[text.strip().lower()]
    number = float(text)
    return number / 100.0 if kind == "percent" and number > 1.0 else number


def _problem(path: Path, error: Mapping[str, Any]) -> Problem:
    where = tuple(str(part) for part in error["loc"])
    number = next((part for part in error["loc"] if isinstance(part, int)), 0)
    key = ".".join(where)
    line = _line_of(path, where, number)
    if error["type"] == "extra_forbidden":
        return Problem(str(path), line, key, _unknown(where[-1], _siblings(where)))
    return Problem(str(path) if line else "environment", line, key, str(error["msg"]).removeprefix("Value error, "))


def _siblings(where: tuple[str, ...]) -> list[str]:
    """The keys that are known beside an unknown one."""
    from engine.config import Config

    place: Any = Config().model_dump(by_alias=True)
    for part in where[:-1]:
        place = place.get(part, {}) if isinstance(place, dict) else {}
    return list(place) if isinstance(place, dict) else []


def _unknown(key: str, known: Any) -> str:
    near = get_close_matches(key, list(known), n=1)
    return "unknown key" + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}")


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and (value or before):
            yield from _flat(value, f"{before}{key}.") if value else [(f"{before}{key}", {})]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for number, entry in enumerate(value):
                yield from _flat(entry, f"{before}{key}.{number}.")
        else:
            yield f"{before}{key}", value


def _own_names(config: Config) -> Iterator[tuple[str, str]]:
    for key, _ in _flat(config.model_dump(by_alias=True)):
        yield key, "WATCHROOM_" + key.replace(".", "__").replace("-", "_").upper()


def _line_of(path: Path, where: tuple[str, ...], number: int = 0) -> int:
    return _find_line(path.read_text(encoding="utf-8"), where, number) if path.is_file() else 0


def _find_line(text: str, where: tuple[str, ...], number: int = 0) -> int:
    """The line (from 1) that sets a key, else that of the table it would stand in; 0 if neither is there."""
    where = tuple(part for part in where if not part.isdigit())
    table: tuple[str, ...] = ()
    best, seen = 0, -1
    for line_number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line)
        if header:
            table = _parts(header[2])
            seen += header[1] == "[[" and table == where[: len(table)]
            if table == where and (header[1] == "[" or seen == number):
                best = line_number
            continue
        key = re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line)
        if key and (*table, *_parts(key[1])) == where[: len(table) + len(_parts(key[1]))] and seen in (-1, number):
            return line_number
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
