"""Every error that a user can cause, one class a cause.

The message is one line that says what is wrong and what to do next. It holds no markup and no traceback; the console
maps the class to an exit code (`console/exits.py`). Whatever is not a `WatchroomError` is a defect and is logged whole.
"""

from __future__ import annotations


class WatchroomError(Exception):
    """Base of all errors with a message meant for the user."""


class UsageError(WatchroomError):
    """The command, the configuration or an input cannot be understood (exit 2)."""


class ConfigError(UsageError):
    """A configuration file, environment variable or option is wrong (exit 2)."""


class InputError(UsageError):
    """A log file is missing, unreadable, no regular file, or of no known format (exit 2)."""

    @property
    def passing_over(self) -> str:
        """The notice for a file that nobody named: what is wrong, without what to do next, as nothing must be done."""
        return f"passed over: {str(self).split('; ')[0]}"


class UnavailableError(WatchroomError):
    """The home or a source cannot be used right now; the same command may work later (exit 3)."""


class QueryError(WatchroomError):
    """A query failed or was refused by the fence (exit 4)."""


class RefusedError(WatchroomError):
    """The act was not allowed: read-only, not confirmed, against a rule (exit 5)."""


class ConflictError(RefusedError):
    """Somebody else changed the same thing first; nothing was changed (exit 5)."""
