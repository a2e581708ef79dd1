"""The configuration's `[landing]` as landing takes it."""

from __future__ import annotations

from pathlib import Path

from engine.config import LandingConfig
from engine.config_file import load_config
from storage.manner import Manner
from storage.masking import SECRET_HEADERS, SECRET_KEYS, Masking


def configured(path: Path) -> Manner:
    """The manner that the configuration at `path` tells, and the environment. Raises ConfigError."""
    return manner(load_config(path).landing)


def manner(config: LandingConfig) -> Manner:
    """In what manner logs are landed: the zone of bare times, how long rows stay, what is masked, what is watched."""
    masking = Masking(
        keys=(*SECRET_KEYS, *config.mask_keys),
        headers=(*SECRET_HEADERS, *config.mask_headers),
        paths=config.mask_paths,
        cards=config.mask_cards,
        emails=config.mask_emails,
        addresses=config.mask_addresses,
        pseudonym_key=config.pseudonym_key.encode(),
        sql_literals=config.mask_sql_literals,
    )
    keep_days = dict(config.keep_days)
    keys = tuple((key, column) for column, names in config.json_keys.items() for key in names)
    return Manner(time_zone=config.time_zone, keys=keys, masking=masking, keep_days=keep_days, poll=config.poll)
