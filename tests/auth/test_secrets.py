"""Passwords and one-time secrets as they rest."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.auth import passwords, totp
from portal.auth.forms import normalise_login

SECRET_KEY = "a secret key of the tests, long enough"
AT = datetime(2026, 11, 20, 12, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize("password", ["короткий", "x" * 11, "x" * 129, "", "Romashka-2026-вход"])
def test_refuses_a_password_too_short_too_long_or_with_the_name_inside(password: str) -> None:
    with pytest.raises(passwords.PasswordUnfit):
        passwords.hash_password(password, login="romashka@example.by")


def test_takes_any_characters_without_rules_of_composition() -> None:
    for password in ("двенадцать з", "            ", "🧾" * 12, "x" * 128):
        assert passwords.verify(passwords.hash_password(password, login="a@b.by"), password)


def test_costs_what_owasp_asks_for() -> None:
    hashed = passwords.hash_password("каждый чек на месте", login="a@b.by")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("hashed", [None, "", "!", "$argon2id$broken", "plain text"])
def test_what_is_no_hash_fits_no_password(hashed: str | None) -> None:
    assert not passwords.verify(hashed, "каждый чек на месте")


def test_two_are_computed_at_once_and_the_rest_wait_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_S_MAX", 0.05)
    inside, leave = threading.Semaphore(0), threading.Event()

    class Slow:
        def verify(self, _hash: str, _password: str) -> bool:
            inside.release()
            return leave.wait(10)

    monkeypatch.setattr(passwords, "_hasher", Slow())
    threads = [threading.Thread(target=passwords.verify, args=("h", "p")) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=10)
    with pytest.raises(passwords.Busy):
        passwords.verify("h", "p")
    leave.set()
    for thread in threads:
        thread.join()
    assert passwords.verify("h", "p")


def test_a_secret_opens_for_its_person_and_its_key_alone() -> None:
    vault = totp.Vault(SECRET_KEY)
    sealed = vault.seal(7, "JBSWY3DPEHPK3PXP")
    assert vault.open(7, sealed) == "JBSWY3DPEHPK3PXP"
    assert vault.open(8, sealed) is None
    assert totp.Vault(SECRET_KEY + "!").open(7, sealed) is None
    assert b"JBSWY3DPEHPK3PXP" not in sealed


def test_sealing_twice_gives_two_texts() -> None:
    vault = totp.Vault(SECRET_KEY)
    assert vault.seal(7, "JBSWY3DPEHPK3PXP") != vault.seal(7, "JBSWY3DPEHPK3PXP")


@given(st.binary(max_size=80))
def test_whatever_else_rests_there_does_not_open(sealed: bytes) -> None:
    assert totp.Vault(SECRET_KEY).open(7, sealed) is None


def test_codes_are_those_of_any_authenticator() -> None:
    secret = totp.new_secret()
    assert len(secret) == 32
    assert totp.code_at(secret, totp.step_at(AT)) == pyotp.TOTP(secret).at(AT)
    assert pyotp.parse_uri(totp.provisioning_uri(secret, "a@b.by")).secret == secret


def steps() -> Iterator[tuple[int, int, bool]]:
    """Steps from now, the last step used from now, and whether the code is taken."""
    for offset in range(-3, 4):
        for last in range(-4, 4):
            yield offset, last, -1 <= offset <= 1 and offset > last


@pytest.mark.parametrize(("offset", "last", "taken"), list(steps()))
def test_takes_neighbouring_codes_later_than_the_last(offset: int, last: int, *, taken: bool) -> None:
    secret, now = totp.new_secret(), totp.step_at(AT)
    found = totp.matching_step(secret, totp.code_at(secret, now + offset), at=AT, last_step=now + last)
    assert found == (now + offset if taken else None)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "абвгде", "1234５6"])
def test_what_is_no_code_is_never_taken(code: str) -> None:
    assert totp.matching_step(totp.new_secret(), code, at=AT, last_step=0) is None


@pytest.mark.parametrize(
    ("typed", "login"),
    [
        (" Anna@Romashka.BY ", "anna@romashka.by"),
        ("191 234 567", "191234567"),
        ("191-234-567", "191234567"),
        ("191–234—567", "191234567"),
        ("MA1953684", "ma1953684"),
        ("anna-maria@romashka.by", "anna-maria@romashka.by"),
        ("", ""),
    ],
)
def test_a_name_has_one_spelling(typed: str, login: str) -> None:
    assert normalise_login(typed) == login
