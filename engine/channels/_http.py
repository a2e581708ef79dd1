"""One POST of JSON, with the answers that matter: when to come again, and when never."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from engine.channel import DeliveryError

TIMEOUT_S = 10.0


def post(url: str, body: Mapping[str, Any] | bytes, headers: Mapping[str, str] | None = None) -> None:
    """POST a body (a mapping becomes JSON). Raises DeliveryError; 429 and 5xx may be tried again, other 4xx not."""
    if not url.startswith(("https://", "http://")):
        raise DeliveryError("its address is no http(s) URL", permanent=True)
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    everything = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, everything)  # noqa: S310  the scheme is checked above
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_S) as answer:
            answer.read(4_096)
    except urllib.error.HTTPError as error:
        with error:
            wait = error.headers.get("Retry-After", "")
            permanent = 400 <= error.code < 500 and error.code not in (408, 425, 429)
            raise DeliveryError(
                f"it answered {error.code}", retry_after_s=float(wait) if wait.isdigit() else None, permanent=permanent
            ) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DeliveryError(f"it cannot be reached ({reason})") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A notice goes where it was configured to go, nowhere else."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None
