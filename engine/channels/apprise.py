"""Everything that Apprise can reach: one URL a service (https://github.com/caronc/apprise/wiki)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from engine.channel import Channel, DeliveryError, Notice


@dataclass(frozen=True, slots=True)
class Settings:
    """An Apprise URL, mostly a secret."""

    url: str


class Apprise(Channel):
    """Hands the notice to Apprise."""

    name = "apprise"
    title = "any service of Apprise"
    settings_type = Settings

    def send(self, notice: Notice) -> None:
        """Send by the URL's service."""
        apprise = importlib.import_module("apprise")  # not `import apprise`: this file has the same name
        target = apprise.Apprise()
        if not target.add(self.settings.url):
            raise DeliveryError("Apprise does not know this URL", permanent=True)
        kind = {"critical": "failure", "warning": "warning"}.get(notice.severity, "info")
        if not target.notify(body="\n".join(notice.lines) or notice.title, title=notice.title, notify_type=kind):
            raise DeliveryError("Apprise could not deliver it")
