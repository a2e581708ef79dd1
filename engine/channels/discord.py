"""Discord, by a webhook."""

from __future__ import annotations

from dataclasses import dataclass

from engine.channel import Channel, Notice
from engine.channels._http import post

LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Settings:
    """The webhook's address, a secret."""

    url: str


class Discord(Channel):
    """Sends a message; nobody is mentioned by what stands in a log."""

    name = "discord"
    title = "Discord"
    settings_type = Settings

    def send(self, notice: Notice) -> None:
        """Post the notice, cut to what Discord takes."""
        text = f"[{notice.severity}] {notice.text}"
        cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        post(self.settings.url, {"content": cut, "allowed_mentions": {"parse": []}})
