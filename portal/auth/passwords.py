"""Passwords: argon2id with 19 MiB, two passes, one lane, as OWASP's minimum; 18 ms on a small server.

At most two are computed at once in a process, so that a crowd at the door takes neither all the memory nor
all the processors. A name that nobody has costs the same time as a wrong password.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.primitives.refusals import Refusal

LENGTH_MIN = 12
LENGTH_MAX = 128
AT_ONCE_MAX = 2
WAIT_S_MAX = 10.0

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_turn = threading.BoundedSemaphore(AT_ONCE_MAX)

# What a name that nobody has is compared with: the hash of a password that was thrown away.
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$aeJG69r/bm6U9jlUE1m56A$byN8juu9nvqUwabEr0vu6aiurb/kI5kXrkuGl3PvxjU"


class PasswordUnfit(Refusal):
    """Too short, too long, or the login is inside. Facts: `length_min`, `length_max`."""

    code = "auth.password_unfit"


class Busy(Refusal):
    """More people sign in at this moment than this process can serve."""

    code = "auth.busy"
    status = 429


def hash_password(password: str, *, login: str) -> str:
    """Hash a new password; refuses one outside 12..128 characters or one that contains the login's first part."""
    name = login.partition("@")[0].casefold()
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX or (len(name) >= 4 and name in password.casefold()):
        raise PasswordUnfit(length_min=LENGTH_MIN, length_max=LENGTH_MAX)
    with _in_turn():
        return _hasher.hash(password)


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed; None takes the same time and is never right."""
    if len(password) > LENGTH_MAX:
        password = ""
    with _in_turn():
        try:
            right = _hasher.verify(password_hash or _NOBODYS, password)
        except (VerificationError, InvalidHashError):
            return False
    return right and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with other costs than today's."""
    return _hasher.check_needs_rehash(password_hash)


def rehash(password: str) -> str:
    """Hash a password that has just been verified, with today's costs."""
    with _in_turn():
        return _hasher.hash(password)


@contextmanager
def _in_turn() -> Iterator[None]:
    if not _turn.acquire(timeout=WAIT_S_MAX):
        raise Busy(retry_after_s=5)
    try:
        yield
    finally:
        _turn.release()
