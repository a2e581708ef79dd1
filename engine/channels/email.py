"""E-mail: plain text, one thread a cause."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage

from engine.channel import Channel, DeliveryError, Notice

TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the mail server is, and from whom to whom; `to` takes several addresses with commas."""

    host: str
    to: str
    sender: str = "watchroom@localhost"
    port: int = 25
    user: str = ""
    password: str = ""
    starttls: bool = False


class Email(Channel):
    """Sends a mail a notice; a mail that is sent again has the same Message-ID."""

    name = "email"
    title = "e-mail"
    settings_type = Settings

    def send(self, notice: Notice) -> None:
        """Send the notice to everybody in `to`."""
        settings: Settings = self.settings
        try:
            with smtplib.SMTP(settings.host, int(settings.port), timeout=TIMEOUT_S) as server:
                if settings.starttls:
                    server.starttls(context=ssl.create_default_context())
                if settings.user:
                    server.login(settings.user, settings.password)
                server.send_message(self.message(notice))
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(
                f"the mail server answered {error.smtp_code}", permanent=error.smtp_code >= 500
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(f"the mail server cannot be used ({error})") from None

    def message(self, notice: Notice) -> EmailMessage:
        """The notice as a mail."""
        domain = self.settings.sender.rpartition("@")[2] or "localhost"
        mail = EmailMessage()
        mail["Subject"] = f"[{notice.severity}] {notice.title}"[:200]
        mail["From"] = self.settings.sender
        mail["To"] = ", ".join(part.strip() for part in self.settings.to.split(","))
        mail["Message-ID"] = f"<{_digest(notice.key)}@{domain}>"
        if notice.kind != "fired":
            mail["In-Reply-To"] = mail["References"] = f"<{_digest(notice.thread)}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content("\n".join((*notice.lines, "", notice.created_ts)) + "\n")
        return mail


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
