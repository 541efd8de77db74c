"""A sender at the portal's HTTP door: it keeps a batch and its key until the portal has acknowledged them.

A lost connection, a portal that is down, busy (429) or in trouble (5xx) is waited for, and the same bytes go
out again under the same key, so that nothing is lost and nothing counts twice. Any other refusal is final.
"""

import gzip
import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ADDRESS = "/ingest/v1/documents"
TIMEOUT_S = 60
PACK_FROM_BYTES = 2048
PAUSE_S_MIN = 0.25
PAUSE_S_MAX = 15.0


class Refused(Exception):
    """The door said no, and asking again would not help."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class Unreachable(Exception):
    """The portal did not answer for longer than the sender was ready to wait."""


@dataclass
class Door:
    """One keep-alive connection to a portal. `patience_s` is how long one batch is tried; None is for ever."""

    url: str
    say: Callable[[str], None] = print
    pause: Callable[[float], None] = time.sleep
    patience_s: float | None = None
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def send(self, token: str, key: str, body: bytes) -> None:
        """Send a batch until it is acknowledged; raises Refused, or Unreachable when patience ends."""
        waited_s, pause_s, complained = 0.0, PAUSE_S_MIN, False
        # A kept connection may have been closed under us; that is tried again at once and is no news.
        fresh_try = self._connection is not None
        while True:
            trouble, wait_s = self._try(token, key, body)
            if trouble is None:
                if complained:
                    self.say("the portal answers again")
                return
            if fresh_try and not wait_s:
                fresh_try = False
                continue
            if self.patience_s is not None and waited_s >= self.patience_s:
                raise Unreachable(trouble)
            if not complained:
                self.say(f"{trouble}; sending the same again until it is taken")
                complained = True
            wait_s = wait_s or pause_s
            self.pause(wait_s)
            waited_s += wait_s
            pause_s = min(pause_s * 2, PAUSE_S_MAX)

    def answers(self) -> bool:
        """Whether anybody listens at the address."""
        try:
            connection = self._open()
            connection.request("GET", "/health")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self.close()
            return False
        return True

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self, token: str, key: str, body: bytes) -> tuple[str | None, float]:
        """One attempt: the trouble (None when taken) and how long the portal asks to wait (0 when it did not say)."""
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": key,
        }
        if len(body) >= PACK_FROM_BYTES:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        try:
            connection = self._open()
            connection.request("POST", ADDRESS, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return f"the portal does not answer ({type(error).__name__})", 0.0
        if response.status == 202:
            return None, 0.0
        reason = _reason(answer)
        if response.status == 429 or response.status >= 500:
            return f"the portal is busy ({response.status} {reason})", _seconds(
                response.getheader("Retry-After")
            )
        raise Refused(response.status, reason)

    def _open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            parts = urlsplit(self.url)
            host, port = parts.hostname or "", parts.port
            if parts.scheme == "https":
                context = ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        return self._connection


def _reason(answer: bytes) -> str:
    """The machine-readable reason in a refusal, or nothing."""
    try:
        content = json.loads(answer)
    except ValueError:
        return ""
    if not isinstance(content, dict):
        return ""
    found = content.get("code") or content.get("reason") or content.get("error") or ""
    return found if isinstance(found, str) else json.dumps(found)


def _seconds(header: str | None) -> float:
    """What Retry-After says, kept within reason."""
    if header is None or not header.isascii() or not header.isdigit():
        return 0.0
    return min(max(float(header), PAUSE_S_MIN), 60.0)
