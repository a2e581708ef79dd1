"""The configuration: a file, then the environment; every value says where it comes from, every mistake where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config_file import ALIASES, channels, load_config, show, validate
from storage.errors import ConfigError


def _file(path: Path, text: str) -> Path:
    file = path / "watchroom.toml"
    file.write_text(text)
    return file


def test_without_a_file_and_variables_everything_has_its_default(tmp_path: Path) -> None:
    config = load_config(tmp_path / "none.toml", {})
    assert (config.tuning.enabled, config.tuning.objective, config.registry.cache_ttl_s) == (True, "f1", 604_800.0)
    assert config.models.of("n1-detector").enabled
    assert config.models.of("census").enabled, "a model without a table has the defaults"
    assert {value.source for value in show(tmp_path / "none.toml", {})} == {"default"}


def test_the_environment_is_over_the_file_and_each_value_names_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(tmp_path, '[tuning]\nenabled = true\nobjective = "mcc"\n\n[monitoring]\nfalse_alarm_days = 10\n')
    monkeypatch.setenv("WATCHROOM_MONITORING__FALSE_ALARM_DAYS", "60")
    environ = {"AUTO_TUNING_ENABLED": "false", "WATCHROOM_MONITORING__FALSE_ALARM_DAYS": "60"}
    config = load_config(file, environ)
    assert (config.tuning.enabled, config.tuning.objective, config.monitoring.false_alarm_days) == (False, "mcc", 60.0)
    sources = {value.key: value.source for value in show(file, environ)}
    assert sources["tuning.enabled"] == "AUTO_TUNING_ENABLED"
    assert sources["tuning.objective"] == f"{file}:3"
    assert sources["monitoring.false_alarm_days"] == "WATCHROOM_MONITORING__FALSE_ALARM_DAYS"
    assert sources["tuning.exact"] == "default"


def test_every_variable_of_the_specification_sets_its_key(tmp_path: Path) -> None:
    given = {"flag": "off", "number": "7", "percent": "60.0"}
    environ = {name: given[kind] for name, (_, kind) in ALIASES.items()}
    dumped = load_config(tmp_path / "none.toml", environ).model_dump(by_alias=True)
    for key, kind in ALIASES.values():
        value: object = dumped
        for part in key.split("."):
            assert isinstance(value, dict)
            value = value[part]
        assert value == {"flag": False, "number": 7.0, "percent": 0.6}[kind]


@pytest.mark.parametrize(("text", "line", "what"), [
    ("[tuning]\nenabeld = true\n", 2, "tuning.enabeld: unknown key; did you mean 'enabled'?"),
    ("\n[tunning]\nenabled = true\n", 2, "tunning: unknown key; did you mean 'tuning'?"),
    ("[monitoring]\nscheduler = true\nretention_days = 0\n", 3, "greater than or equal to 1"),
    ('[tuning]\nobjective = "f2"\n', 2, "no objective 'f2'"),
    ("[models.n1-detector]\ntimeout_ms = 'soon'\n", 2, "valid number"),
    ("[models.waf]\nenabled = true\n", 1, "models.waf: unknown key; known: n1-detector, waf-behavioral"),
    ("[tuning\n", 1, "TOML"),
    ("[[channel]]\nkind = 'bell'\n[[channel]]\nkind = 'pigeon'\n", 3, "kind = one of apprise"),
    ("[[channel]]\nkind = 'slack'\nurl = 'env:NO_SUCH_VARIABLE'\n", 1, "NO_SUCH_VARIABLE"),
])  # fmt: skip
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, text: str, line: int, what: str) -> None:
    file = _file(tmp_path, text)
    (problem,) = validate(file, {})
    assert (problem.file, problem.line) == (str(file), line)
    assert what in str(problem)


def test_wrong_variables_are_named(tmp_path: Path) -> None:
    problems = validate(tmp_path / "none.toml", {"AUTO_TUNING_ENABLED": "maybe", "WAF_ML_ENABELD": "true"})
    assert [str(p) for p in problems] == [
        "environment: AUTO_TUNING_ENABLED: must be true or false, not 'maybe'",
        "environment: WAF_ML_ENABELD: unknown key; did you mean 'WAF_ML_ENABLED'?",
    ]


def test_loading_a_wrong_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r":2: tuning.enabeld: unknown key.*and 1 more"):
        load_config(_file(tmp_path, "[tuning]\nenabeld = true\nexakt = true\n"), {})


def test_a_secret_is_shown_only_to_who_asks_for_secrets(tmp_path: Path) -> None:
    file = _file(tmp_path, "[landing]\npseudonym_key = 'k3y'\nmask_keys = ['ssn']\n[[channel]]\nkind = 'email'\n"
                           "host = 'mail'\nto = 'a@x.org'\npassword = 'pa55'\n[[channel]]\nkind = 'webhook'\n"
                           "url = 'https://h.example/T0'\nsecret = 'env:HOOK'\n")  # fmt: skip
    shown = {value.key: value.value for value in show(file, {})}
    hidden = {key for key, value in shown.items() if value == "(secret)"}
    assert hidden == {"landing.pseudonym_key", "channel.0.password", "channel.1.url"}
    assert (shown["channel.1.secret"], shown["landing.mask_keys"]) == ("env:HOOK", ["ssn"])
    assert not any(value.value == "(secret)" for value in show(file, {}, secrets=True))


def test_channels_are_made_and_their_secrets_are_not_shown(tmp_path: Path) -> None:
    file = _file(tmp_path, f"[[channel]]\nkind = 'log'\npath = '{tmp_path}/x.log'\n"
                           "[[channel]]\nkind = 'slack'\nurl = 'https://hooks.example/T0/secret'\n"
                           "min_severity = 'critical'\n")  # fmt: skip
    log, slack = channels(load_config(file, {}))
    assert (log.label, slack.routing.min_severity) == ("log", "critical")
    assert validate(file, {}) == []
    assert not any("secret" in str(value.value) and value.value != "(secret)" for value in show(file, {}))
