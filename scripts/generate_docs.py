"""Write the pages that are made from the code: docs/commands.md, docs/configuration.md and docs/detectors.md.

`make docs` writes them; a test compares them with what the code says.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Iterable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import typer

from console import cli
from engine import detector

DOCS = Path(__file__).resolve().parents[1] / "docs"


def commands_page() -> str:
    """Every command: what it does, its example, its arguments and options, by group."""
    group: Any = typer.main.get_command(cli.discover())
    parts = [
        "# Commands\n",
        "Made from the code by `make docs`. `watchroom COMMAND --help` says the same. Every command ends with one of:"
        " 0 fine · 1 found what it looks for · 2 usage, configuration or unreadable input · 3 unavailable, retry ·"
        " 4 query failed · 5 refused · 70 internal · 130 or 143 ended.\n",
    ]
    for panel in cli.PANELS:
        names = [n for n in cli.command_names() if _panel(n) == panel]
        if names:
            parts.append(f"## {panel}\n")
            parts += [_command(name, group.commands[name]) for name in names]
    return "\n".join(parts)


def _panel(name: str) -> str:
    return str(importlib.import_module(f"console.commands.{name.replace('-', '_')}").PANEL)


def _command(name: str, command: Any) -> str:
    text = inspect.cleandoc(command.help or "")
    about, _, example = text.partition("Example: ")
    rows = ["| argument or option | meaning |", "|---|---|"]
    for parameter in command.params:
        if parameter.name in {"home", "output", "help"}:
            continue
        names = ", ".join(f"`{o}`" for o in parameter.opts) if parameter.param_type_name == "option" else parameter.name
        rows.append(f"| {names} | {(parameter.help or '').strip()} |")
    table = "\n".join(rows) + "\n" if len(rows) > 2 else ""
    shared = [o for o in ("--home", "--output") if any(o in p.opts for p in command.params)]
    also = f"\nTakes {' and '.join(f'`{o}`' for o in shared)}.\n" if shared else ""
    return f"### {name}\n\n{about.strip()}\n\n    {' '.join(example.split())}\n\n{table}{also}"


def detectors_page() -> str:
    """Every detector from its code: definition, features, settings, evidence, blind spots; and what was measured."""
    parts = [
        "# Detectors\n",
        "Made from the code by `make docs`; the tables of exams from `docs/detectors/measured.json`, which"
        " `python bench/measure.py EXAM_PY DATA_DIR` writes. Each detector is one file in `engine/detectors/`.\n",
    ]
    measured = json.loads((DOCS / "detectors" / "measured.json").read_text(encoding="utf-8"))
    for name in detector.names():
        kind = detector.load(name)
        facts = {
            "reads": f"`{kind.table}`",
            "a verdict is about": kind.subject,
            "final after": f"{kind.settle} of event time",
            "looks back": str(kind.lookback), "longest subject": str(kind.span),
            "threshold": f"{kind.threshold.default} (tuned within {kind.threshold.low} to {kind.threshold.high},"
                         f" step {kind.threshold.step})",
            "alert": f"{kind.alert_severity} under {kind.alert_accuracy:.0%} accuracy",
        }  # fmt: skip
        parts += [
            f"## {name} {kind.version}\n", f"{kind.title}. {_first_paragraph(kind)}\n", f"{kind.about.definition}\n",
            _table(("", ""), facts.items()),
            "### Settings\n", _table(("setting", "default", "meaning"), _settings(kind)),
            "### Features\n", _table(("feature", "meaning"), ((f"`{k}`", v) for k, v in kind.about.features.items())),
            "### Evidence\n", _table(("key", "meaning"), ((f"`{k}`", v) for k, v in kind.about.evidence.items())),
            *_measured(measured, name),
            "### Known blind spots\n", "\n".join(f"- {spot}" for spot in kind.about.blind_spots) + "\n",
        ]  # fmt: skip
        if (DOCS / "detectors" / f"{name}.md").exists():
            parts.append(f"How it works, what was tried, more tables and cost: [{name}](detectors/{name}.md).\n")
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)]) + "\n"


def _measured(measured: Any, name: str) -> list[str]:
    """The exams on the public half, the scores as probabilities, and the recorded sample."""
    parts = []
    for exam, told in measured["exams"].get(name, {}).items():
        figures = ("n", "positives", "precision", "recall", "f1", "fpr", "auc")
        rows = [(group, *(_figure(of[key]) for key in figures)) for group, of in told["sets"].items()]
        parts += [f"### Exam `{exam}`, public half\n", _table(("set", *figures), rows)]
        bins = [(f"{low:.1f}-{low + 0.1:.1f}", f"{n:,}", f"{mean:.2f}", f"{share:.2f}")
                for low, n, mean, share in told["reliability"]["rows"]]  # fmt: skip
        mean, most = told["reliability"]["chance"]
        parts.append(f"Scores as probabilities: expected calibration error **{told['reliability']['ece']:.3f}**"
                     f" (of true probabilities on as many subjects by chance {mean:.3f}, 19 in 20 times under"
                     f" {most:.3f}).\n")  # fmt: skip
        parts.append(_table(("score", "subjects", "mean score", "share true"), bins))
    if of := measured["recording"].get(name):
        right = (of["tp"] + of["tn"]) / sum(of.values())
        parts += [
            "### The recorded sample\n", f"`sample_data/recording`, accuracy **{right:.3f}**.\n",
            _table(("", "flagged", "quiet"), (("true", of["tp"], of["fn"]), ("not", of["fp"], of["tn"]))),
        ]  # fmt: skip
    return parts


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _first_paragraph(kind: type[detector.Detector]) -> str:
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())


def _settings(kind: type[detector.Detector]) -> list[tuple[object, ...]]:
    """A row a setting; its meaning is the sentence under the field."""
    said = _attribute_docs(kind.settings_type)
    defaults = kind.defaults()
    return [(f"`{f.name}`", defaults[f.name], said.get(f.name, "")) for f in fields(kind.settings_type)]


def _attribute_docs(kind: type) -> dict[str, str]:
    """The docstrings that stand under the fields of a class and of the classes it extends."""
    import ast
    import textwrap

    said: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for one, after in zip(body.body, body.body[1:], strict=False):
            if isinstance(one, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                said[ast.unparse(one.target)] = " ".join(str(after.value.value).split())
    return said


CONFIGURATION = """# Configuration

Made from the code by `make docs`. Nothing needs to be configured. What is stands in `watchroom.toml` in the home; over
it go environment variables, over these the options of a command. `watchroom config show` says of each value where it
comes from, `watchroom config validate` names file, line, key and the nearest known key of each mistake,
`watchroom config-check` also tries rules, channels and the models' settings. An unknown key is an error.

A model's settings (`show-config`) belong to its deployment: they are changed by `watchroom update-config`, rolled back,
and kept with who and why. Those under `[models.NAME.settings]` are only what a model is deployed with first.

```toml
[tuning]
objective = "recall@fpr:0.02"

[models.waf-behavioral.settings]
threshold = 0.6

[[channel]]
kind = "slack"
url = "env:SLACK_WEBHOOK"        # or file:PATH: secrets stay out of this file
min_severity = "warning"

[[channel]]
kind = "email"
label = "second line"
host = "mail.example.org"
to = "oncall@example.org"
escalate_after_minutes = 15      # only critical alerts that nobody took on for so long
```
"""


def configuration_page() -> str:
    """Every key with its default and its environment variable, the specification's variables, the channels."""
    from engine import channel, config
    from engine.config_file import ALIASES

    tables = {
        "registry": config.RegistryConfig,
        "monitoring": config.MonitoringConfig,
        "landing": config.LandingConfig,
        "tuning": config.TuningConfig,
        "models.NAME": config.ModelConfig,
    }
    parts = [CONFIGURATION]
    for name, kind in tables.items():
        variable = f"WATCHROOM_{name.replace('.', '__').upper()}__"
        said = _attribute_docs(kind)
        rows = [
            f"| `{key}` | {_shown(field)} | `{variable}{key.upper()}` | {said.get(key, '')} |"
            for key, field in kind.model_fields.items()
        ]
        parts.append(f"## `[{name}]`\n")
        parts.append("\n".join(["| key | default | variable | meaning |", "|---|---|---|---|", *rows]) + "\n")
    parts.append(
        "In a variable's name a model is written with underscores: `WATCHROOM_MODELS__N1_DETECTOR__ENABLED`.\n"
    )
    parts.append("## Variables of the specification\n")
    rows = [f"| `{name}` | `{key}` | {_READ[kind]} |" for name, (key, kind) in ALIASES.items()]
    parts.append("\n".join(["| variable | sets | read as |", "|---|---|---|", *rows]) + "\n")
    parts.append(_channels(channel))
    return "\n".join(parts)


_READ = {"flag": "true or false", "number": "a number", "percent": "a number; over 1 it is a percentage"}


def _shown(field: Any) -> str:
    default = field.get_default(call_default_factory=True)
    return f"`{default!r}`" if isinstance(default, str) else "none" if default == {} else f"`{default}`".lower()


def _channels(channel: Any) -> str:
    """What each kind of channel is, with its settings, and what all of them take."""
    routing = _attribute_docs(channel.Routing)
    parts = ["## `[[channel]]`\n", "`watchroom alerts-test --channels` shows them, `--send` tries them. Each takes:\n"]
    shared = [f"| `{f.name}` | `{f.default!r}` | {routing.get(f.name, '')} |" for f in fields(channel.Routing)]
    parts.append("\n".join(["| key | default | meaning |", "|---|---|---|", *shared]) + "\n")
    rows = []
    for name in channel.names():
        kind = channel.load(name)
        own = ", ".join(
            f"`{f.name}`" + ("" if f.default is MISSING else f" ({f.default!r})") for f in fields(kind.settings_type)
        )
        rows.append(f"| `{name}` | {kind.title} | {own} | {inspect.getdoc(kind.settings_type) or ''} |")
    parts.append("\n".join(["| kind | what | settings (defaults) | meaning |", "|---|---|---|---|", *rows]) + "\n")
    return "\n".join(parts)


PAGES = {"commands.md": commands_page, "configuration.md": configuration_page, "detectors.md": detectors_page}


def main() -> None:
    """Write every generated page."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make().rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
