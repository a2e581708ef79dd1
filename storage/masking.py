"""What must not be written down is masked before it lands: by whole columns, never at display.

The defaults mask secrets: values of query-string, form and JSON keys that name one, `Authorization` and `Cookie`
headers, and card numbers. Addresses, e-mails and SQL literals are masked where the configuration says so.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

import polars as pl

from storage.fingerprint import templates
from storage.parsing import Frames
from storage.path_secrets import JWT, without_path_secrets
from storage.path_secrets import MASK as MASK
from storage.sql_values import without_sql_values, without_values

SECRET_KEYS = (
    "password", "passwd", "pwd", "passphrase", "secret", "token", "access_token", "refresh_token", "id_token",
    "api_key", "apikey", "api-key", "client_secret", "authorization", "auth", "session", "sessionid", "session_id",
    "sid", "csrf", "csrftoken", "xsrf", "signature", "sig", "otp", "pin", "cvv", "cvc", "ssn", "private_key",
)  # fmt: skip
SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token")

_TEXTS: dict[str, tuple[str, ...]] = {
    "requests": ("query", "referer", "headers", "body"),
    "queries": ("sql", "params", "error", "plan", "application", "caller"),
    "jobs": ("error",),
    "logs": ("message", "context"),
    "rejects": ("raw",),
}
_PATHS: dict[str, tuple[str, ...]] = {
    "requests": ("path", "referer"), "logs": ("message", "context"), "rejects": ("raw",),
}  # fmt: skip
"""Columns that are paths, or quote them."""
_PEOPLE: dict[str, tuple[str, ...]] = {
    "requests": ("host", "path", "user_agent", "remote_user"), "queries": ("session", "db_user"),
    "jobs": ("job_id", "job_type"), "logs": ("logger",), "rejects": ("reason",),
}  # fmt: skip
"""Columns that hold no secrets by their nature, but may name people: e-mails and addresses are looked for there too."""
_QUOTING: dict[str, tuple[str, ...]] = {"logs": ("message", "context"), "rejects": ("raw",)}
"""Columns that may quote a statement or a part of one."""
_CLIENTS: dict[str, tuple[str, ...]] = {"requests": ("client_ip",)}
"""Columns that are one client's name each, whether it is an address or not."""
_ADDRESS = (
    r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
    r"|\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){1,6}(?::[0-9A-Fa-f]{1,4}\b|::)"
)
"""Whatever may be an IPv4 or IPv6 address; `ipaddress` decides."""
_CARD = r"\b(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|3[47][0-9]{2}|6(?:011|5[0-9]{2}))(?:[ -]?[0-9]{2,6}){2,4}\b"
_EMAIL = r"[A-Za-z0-9._%+-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"


@dataclass(frozen=True, slots=True)
class Masking:
    """What is masked at landing. The defaults are safe; each widening or narrowing is the user's."""

    keys: tuple[str, ...] = SECRET_KEYS
    """Keys of query strings, forms and JSON whose values become `***`, in any case."""
    headers: tuple[str, ...] = SECRET_HEADERS
    """Headers whose values become `***`."""
    paths: bool = True
    """Segments of paths that let in whoever knows them, and JSON Web Tokens anywhere, become `***`."""
    cards: bool = True
    """Card numbers that pass the Luhn check become `***`."""
    emails: bool = False
    """E-mail addresses become `***`."""
    addresses: Literal["keep", "truncate", "pseudonym"] = "keep"
    """Addresses, wherever they stand: as they are, cut to /24 and /48, or replaced by a keyed pseudonym that can still
    be joined."""
    pseudonym_key: bytes = b""
    """The key of the pseudonyms; to change it is to forget who they were."""
    sql_literals: bool = False
    """Literals in stored statements, plans and errors become `?`, also where rejects and log lines quote a statement;
    parameters are not stored."""

    def apply(self, frames: Frames) -> Frames:
        """`frames` with everything masked that must not be written."""
        return {name: self._apply(name, frame) for name, frame in frames.items()}

    def _apply(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        for column in _TEXTS.get(name, ()):
            frame = self._text(frame, column, self.mask)
        for column in _PATHS.get(name, ()) if self.paths else ():
            frame = self._text(frame, column, lambda text: without_path_secrets(text, self.keys))
        if name == "queries" and self.sql_literals:
            frame = frame.with_columns(
                templates(frame["sql"]).alias("sql"), pl.lit(None, pl.String).alias("params"),
                *(without_values(pl.col(column)) for column in ("plan", "error")),
            )  # fmt: skip
        if self.sql_literals:
            for column in _QUOTING.get(name, ()):
                frame = self._text(frame, column, without_sql_values)
        if self.addresses != "keep":
            for column in _CLIENTS.get(name, ()):
                frame = frame.with_columns(self._address(frame[column]))
        if self.addresses != "keep" or self.emails:
            people = replace(self, keys=(), headers=(), cards=False, paths=False)
            for column in _PEOPLE.get(name, ()):
                frame = self._text(frame, column, people.mask)
        return frame

    @staticmethod
    def _text(frame: pl.DataFrame, column: str, mask: Callable[[pl.Series], pl.Series]) -> pl.DataFrame:
        series = frame[column]
        if series.null_count() == len(series):
            return frame
        is_binary = series.dtype == pl.Binary
        text = _decoded(series) if is_binary else series
        masked = mask(text)
        if masked is text:
            return frame
        if is_binary:
            changed = (masked != text).fill_null(False)
            whole = pl.select(pl.when(changed).then(masked.cast(pl.Binary)).otherwise(series)).to_series()
            return frame.with_columns(whole.alias(column))
        return frame.with_columns(masked.alias(column))

    def mask(self, text: pl.Series) -> pl.Series:
        """A String column with keys, headers, cards and e-mails masked; itself if nothing is to mask.

        One pass finds the few rows that may hold something; only those are looked at closely.
        """
        suspect = text.str.contains(self._suspicious()).fill_null(False)
        if not suspect.any():
            return text
        masked = text.filter(suspect)
        if self.keys:
            masked = masked.str.replace_all(_key_value(self.keys), "${1}" + MASK)
        if self.paths:
            masked = masked.str.replace_all(JWT, MASK)
        if self.headers:
            masked = masked.str.replace_all(_header(self.headers), "${1}" + MASK)
        if self.emails:
            masked = masked.str.replace_all(_EMAIL, MASK)
        if self.cards:
            masked = _without_cards(masked)
        if self.addresses != "keep":
            masked = self._without_addresses(masked)
        return text.clone().scatter(suspect.arg_true(), masked)

    def _suspicious(self) -> str:
        """A pattern that every text fits in which something is to be masked."""
        words = [_spelled(name) for name in (*self.keys, *self.headers)]
        return "(?i)" + "|".join(
            words + ["eyJ[A-Za-z0-9_-]{8}"] * self.paths + ["[0-9]{4}[ -]?[0-9]{4}"] * self.cards
            + ["@", "%40"] * self.emails
            + [r"[0-9]\.[0-9]{1,3}\.[0-9]", ":.{0,4}:"] * (self.addresses != "keep") or ["$^"]
        )  # fmt: skip

    def pseudonym(self, text: str) -> str | None:
        """Under which name a client's rows landed, if addresses land under pseudonyms."""
        return self._one_address(text) if self.addresses == "pseudonym" else None

    def _without_addresses(self, text: pl.Series) -> pl.Series:
        """Addresses in texts cut or replaced, each distinct one once; the longest first: one may begin another."""
        found = text.str.extract_all(_ADDRESS).explode().drop_nulls().unique()
        known = sorted((a for a in found.to_list() if _is_address(a)), key=len, reverse=True)
        return text.str.replace_many(known, [self._one_address(a) for a in known], leftmost=True) if known else text

    def _address(self, column: pl.Series) -> pl.Series:
        """Addresses truncated or replaced, each distinct one once."""
        known = column.drop_nulls().unique()
        other = pl.Series([self._one_address(text) for text in known], dtype=pl.String)
        return column.replace_strict(known, other, default=None, return_dtype=pl.String)

    def _one_address(self, text: str) -> str:
        if self.addresses == "pseudonym":
            return "p" + hmac.new(self.pseudonym_key, text.encode(), lambda: blake2b(digest_size=8)).hexdigest()
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return text
        prefix = 24 if address.version == 4 else 48
        return str(ipaddress.ip_network((address, prefix), strict=False).network_address)


def _is_address(text: str) -> bool:
    """Whether a text is an address, and neither a time of day nor `Abc::Def`."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(c.isdigit() for c in text)


NO_MASKING = Masking(keys=(), headers=(), paths=False, cards=False)


def _decoded(raw: pl.Series) -> pl.Series:
    return pl.Series(raw.name, [r.decode("utf-8", "replace") if r is not None else None for r in raw], dtype=pl.String)


def _spelled(name: str) -> str:
    """A pattern of a name with `-` or `_` between its words."""
    return re.sub("[-_]", "[-_]", re.escape(name).replace("\\-", "-"))


def _key_value(keys: Iterable[str]) -> str:
    """`key=value` of query strings and forms, `"key": "value"` of JSON; `user_token` ends with a secret's name too."""
    names = "|".join(sorted((_spelled(k) for k in keys), key=len, reverse=True))
    key = rf"(?i)((?:^|[^A-Za-z0-9]|%[0-9A-F]{{2}})(?:[A-Za-z0-9]+[-_.])?(?:{names})"
    return key + r"""(?:\]|%5D)?(?:(?:=|%3D)["']?|\\?["']\s*:\s*\\?["']?))(?:[^&;\s"'\\,}]+)"""


def _header(headers: Iterable[str]) -> str:
    """`Name: value` to the end of the line, as `requests.headers` and traces hold it."""
    return rf"(?im)(\b(?:{'|'.join(headers)})\s*:\s*)[^\r\n]+"


def _without_cards(text: pl.Series) -> pl.Series:
    """Card numbers that pass the Luhn check masked; few rows have sixteen digits in the form of a card at all."""
    found = text.str.contains(_CARD).fill_null(False)
    if not found.any():
        return text
    numbers = text.filter(found).str.extract_all(_CARD).explode().drop_nulls().unique()
    cards = [n for n in numbers.to_list() if _passes_luhn(n)]
    return text.str.replace_many(cards, [MASK] * len(cards)) if cards else text


def _passes_luhn(number: str) -> bool:
    """Luhn, 1960 (US patent 2,950,048)."""
    digits = [int(c) for c in number if c.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [sum(divmod(2 * d, 10)) if place % 2 else d for place, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0
