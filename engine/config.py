"""The configuration: `watchroom.toml` in the home, then environment variables, then options, the last one winning.

Every key can be given as an environment variable, `WATCHROOM_TUNING__ENABLED=false` for `enabled` under `[tuning]`, and
the names of the specification work as well (`ALIASES`). Unknown keys are errors, with the nearest known one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class Section(BaseModel):
    """A table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RegistryConfig(Section):
    """`[registry]`"""

    cache_ttl_s: Annotated[float, Field(gt=0)] = 604_800.0
    """How long what is deployed may be answered from memory, in seconds; a change is seen at once in any case."""


class MonitoringConfig(Section):
    """`[monitoring]`"""

    false_alarm_days: Annotated[float, Field(gt=0)] = 30.0
    """One false degradation alarm in so many days is accepted."""
    retention_days: Annotated[float, Field(ge=1)] = 90.0
    """How long looks, runs and delivered notices are kept."""
    scheduler: bool = True
    """Whether `watchroom run` runs the periodic jobs."""


class LandingConfig(Section):
    """`[landing]`"""

    time_zone: str = "UTC"
    """IANA name of the zone of times that name none."""
    poll: bool = False
    """Whether files are looked at once a second and no event is awaited: for logs on NFS, SMB, sshfs and the like."""
    json_keys: dict[str, list[str]] = Field(default_factory=dict)
    """For a column of the lake, the keys of JSON lines that mean it besides its own name: `ts = ["@timestamp"]`."""
    keep_days: dict[str, float] = Field(default_factory=dict)
    """Days after which rows of a table go; tables that are not named stay for ever."""
    mask_keys: list[str] = Field(default_factory=list)
    """Keys of query strings, forms and JSON whose values become `***`, besides those that are always masked."""
    mask_headers: list[str] = Field(default_factory=list)
    """Headers whose values become `***`, besides Authorization, Cookie and the others that are always masked."""
    mask_paths: bool = True
    """Whether segments of paths that let in whoever knows them (`/reset/TOKEN`), and JSON Web Tokens anywhere, become
    `***`."""
    mask_cards: bool = True
    """Whether card numbers that pass the Luhn check become `***`."""
    mask_emails: bool = False
    """Whether e-mail addresses become `***`."""
    mask_addresses: Literal["keep", "truncate", "pseudonym"] = "keep"
    """Addresses: as they are, cut to /24 and /48, or a keyed pseudonym; the latter needs a `pseudonym_key`."""
    pseudonym_key: str = ""
    """The key of the pseudonyms; to change it is to forget who they were."""
    mask_sql_literals: bool = False
    """Whether literals in stored statements, plans and errors become `?`, also where rejects and log lines quote a
    statement, and their parameters are not stored."""

    @field_validator("time_zone")
    @classmethod
    def _a_zone(cls, value: str) -> str:
        from zoneinfo import available_timezones

        if value not in available_timezones():
            raise ValueError(f"no time zone {value!r}")
        return value

    @model_validator(mode="after")
    def _a_key_for_pseudonyms(self) -> LandingConfig:
        if self.mask_addresses == "pseudonym" and len(self.pseudonym_key) < 16:
            raise ValueError('mask_addresses = "pseudonym" needs a secret pseudonym_key of at least 16 characters')
        return self

    @field_validator("json_keys")
    @classmethod
    def _known_columns(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        from difflib import get_close_matches

        from storage.schema import EVENTS

        known = {"event", *(name for table in EVENTS.values() for name in table.columns)} - {"source", "byte_offset"}
        for column in value:
            if column not in known:
                near = get_close_matches(column, sorted(known), n=1)
                raise ValueError(f"no column {column!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return value


class TuningConfig(Section):
    """`[tuning]`"""

    enabled: bool = True
    """Whether thresholds are tuned every hour."""
    apply: bool = True
    """Whether a proved gain is applied; otherwise it is proposed."""
    objective: str = "f1"
    """What is made as large as possible: f1, precision, recall, accuracy, mcc, cost:FP:FN, recall@fpr:LIMIT."""
    exact: bool = False
    """Deploy the centre of the best plateau, not the best value of the grid."""

    @field_validator("objective")
    @classmethod
    def _known(cls, value: str) -> str:
        from engine.sweep import objective
        from storage.errors import UsageError

        try:
            objective(value)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return value


class ModelConfig(Section):
    """`[models.NAME]`"""

    enabled: bool = True
    """Whether it judges."""
    auto_register: bool = True
    """Whether a new home registers and deploys it."""
    timeout_ms: Annotated[float, Field(gt=0)] = 5_000.0
    """How long one round of judging may take before it is told as slow."""
    settings: dict[str, float | bool | str] = Field(default_factory=dict)
    """What it is deployed with first, over its defaults."""


class ModelsConfig(BaseModel):
    """`[models]`, a table for each model."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    n1_detector: ModelConfig = Field(default_factory=ModelConfig, alias="n1-detector")
    waf_behavioral: ModelConfig = Field(default_factory=ModelConfig, alias="waf-behavioral")
    queue_anomaly: ModelConfig = Field(default_factory=ModelConfig, alias="queue-anomaly")

    def of(self, name: str) -> ModelConfig:
        """The table of a model; the defaults for one that has none."""
        found: ModelConfig = getattr(self, name.replace("-", "_"), ModelConfig())
        return found


class Config(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="WATCHROOM_", env_nested_delimiter="__", populate_by_name=True
    )

    registry: RegistryConfig = RegistryConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    landing: LandingConfig = LandingConfig()
    tuning: TuningConfig = TuningConfig()
    models: ModelsConfig = ModelsConfig()
    channel: list[dict[str, Any]] = Field(default_factory=list)
    """`[[channel]]`: `kind` names it, the other keys are its settings."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was passed in already holds the file and the specification's names; our own variables are over it."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings
