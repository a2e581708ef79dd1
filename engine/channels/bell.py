"""The terminal's bell, and the desktop's notification where there is one."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine.channel import Channel, DeliveryError, Notice


@dataclass(frozen=True, slots=True)
class Settings:
    """Which terminal rings; `desktop` also shows the notice with notify-send."""

    tty: str = "/dev/tty"
    desktop: bool = True


class Bell(Channel):
    """Rings; the text itself is on the screen already."""

    name = "bell"
    title = "the terminal's bell"
    settings_type = Settings

    def send(self, notice: Notice) -> None:
        """Ring, and show the notice on the desktop if that can be done."""
        program = shutil.which("notify-send") if self.settings.desktop else None
        if program:
            urgency = "critical" if notice.severity == "critical" else "normal"
            subprocess.run(
                [program, "--urgency", urgency, "--app-name", "watchroom", "--", notice.title, "\n".join(notice.lines)],
                check=False, timeout=5, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        try:
            with Path(self.settings.tty).open("ab", buffering=0) as terminal:
                terminal.write(b"\a")
        except OSError as error:
            if not program:
                raise DeliveryError(f"no terminal to ring ({error.strerror})", permanent=True) from error
