"""Slack, by an incoming webhook."""

from __future__ import annotations

from dataclasses import dataclass

from engine.channel import Channel, Notice
from engine.channels._http import post

LONGEST_BLOCK = 3_000


@dataclass(frozen=True, slots=True)
class Settings:
    """The incoming webhook's address, a secret."""

    url: str


class Slack(Channel):
    """Sends a message of a heading and a text block."""

    name = "slack"
    title = "Slack"
    settings_type = Settings

    def send(self, notice: Notice) -> None:
        """Post the notice; Slack's markup in it is made harmless."""
        body = "\n".join(_plain(line) for line in notice.lines)[:LONGEST_BLOCK] or " "
        post(self.settings.url, {
            "text": _plain(f"[{notice.severity}] {notice.title}"),
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": notice.title[:150]}},
                {"type": "section", "text": {"type": "mrkdwn", "text": body}},
                {"type": "context", "elements": [
                    {"type": "mrkdwn", "text": f"{notice.severity} · {notice.kind} · {notice.created_ts}"}]},
            ],
        })  # fmt: skip


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
