"""Any HTTP receiver: JSON, signed with HMAC-SHA256, so that the receiver knows who sent it and when.

The header `X-Watchroom-Signature: t=SECONDS,v1=HEX` is the HMAC of `SECONDS.BODY`; `Idempotency-Key` is the same
whenever a notice is sent again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass

from engine.channel import Channel, Notice
from engine.channels._http import post
from storage.clock import parse_rfc3339


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to, and the secret shared with the receiver."""

    url: str
    secret: str


class Webhook(Channel):
    """Posts a notice as JSON with its signature."""

    name = "webhook"
    title = "a signed webhook"
    settings_type = Settings

    def send(self, notice: Notice) -> None:
        """Post the notice; the signature's time is when the notice was made."""
        body = json.dumps(asdict(notice), ensure_ascii=False, sort_keys=True).encode()
        stamp = int(parse_rfc3339(notice.created_ts).timestamp())
        headers = {
            "X-Watchroom-Signature": f"t={stamp},v1={signature(self.settings.secret, stamp, body)}",
            "Idempotency-Key": notice.key,
        }
        post(self.settings.url, body, headers)


def signature(secret: str, stamp: int, body: bytes) -> str:
    """HMAC-SHA256 of `STAMP.BODY`, hex."""
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
