"""One-time codes (RFC 6238): six digits for every 30 seconds, each good once.

The secret rests encrypted with AES-256-GCM under a key derived from the portal's secret key, bound to its
person. A code of the step before or after the present one is taken too, for clocks that are a little off:
a deliberate departure from the strictest reading of ASVS 6.5.5, as RFC 6238 §5.2 suggests.
"""

import hmac
import secrets
from datetime import UTC, datetime

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

STEP_S = 30
DIGITS = 6
ISSUER = "Kassa Portal"

_VERSION = b"\x01"
_NONCE_BYTES = 12


class Vault:
    """Seals secrets for the table and opens them again."""

    def __init__(self, secret_key: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"kassa portal: one-time codes").derive(secret_key.encode())
        self._cipher = AESGCM(key)

    def seal(self, person_id: int, secret: str) -> bytes:
        """Encrypt a person's secret; nobody else's row can carry it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret.encode(), _owner(person_id))

    def open(self, person_id: int, sealed: bytes) -> str | None:
        """The secret, or None when it was sealed with another key or for another person."""
        if sealed[:1] != _VERSION:
            return None
        nonce, content = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, content, _owner(person_id)).decode()
        except (InvalidTag, ValueError):
            return None


def _owner(person_id: int) -> bytes:
    return f"person:{person_id}".encode()


def new_secret() -> str:
    """A fresh secret of 160 bits, in the form that authenticators take."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, login: str) -> str:
    """The address that an authenticator reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def step_at(at: datetime) -> int:
    """The number of the step that a moment falls into."""
    return int(at.timestamp()) // STEP_S


def good_from(step: int) -> datetime:
    """The moment from which the door takes the code of a step: one step early."""
    return datetime.fromtimestamp((step - 1) * STEP_S, UTC)


def code_at(secret: str, step: int) -> str:
    """The code of one step."""
    return pyotp.HOTP(secret, digits=DIGITS).at(step)


def matching_step(secret: str, code: str, *, at: datetime, last_step: int) -> int | None:
    """The step whose code this is, if it is later than the last one used."""
    now = step_at(at)
    found = None
    # All three are compared whatever the first says, so that time tells nothing.
    for step in (now - 1, now, now + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()) and step > last_step:
            found = step
    return found
