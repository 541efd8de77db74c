"""A crowd at the door: real connections, at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from portal.auth import actions, totp
from portal.auth.forms import SignInForm
from portal.config import Settings
from portal.db import transaction
from portal.primitives import clock
from tests import doorway
from tests.doorway import PASSWORD, Enrolled

CROWD = 6


@pytest.fixture
def vault(app: Flask) -> totp.Vault:
    made: totp.Vault = app.extensions["vault"]
    return made


@pytest.fixture
def anna(database: Settings, vault: totp.Vault) -> Enrolled:
    with transaction() as session:
        return doorway.enrol(session, vault)


def at_once(deed: Callable[[], bool]) -> int:
    """How many of a crowd succeed when all of them try at the same moment."""
    together = Barrier(CROWD)

    def attempt(_place: int) -> bool:
        together.wait(10)
        return deed()

    with ThreadPoolExecutor(CROWD) as pool:
        return sum(pool.map(attempt, range(CROWD)))


def test_a_crowd_of_guesses_gains_no_sixth_one(anna: Enrolled) -> None:
    now = clock.now()

    def guess() -> bool:
        with transaction() as session:
            return actions.begin_attempt(session, anna.email, at=now).credentials is not None

    assert at_once(guess) + at_once(guess) == actions.FAILURES_MAX


def test_one_code_opens_one_session_to_a_crowd(anna: Enrolled, vault: totp.Vault) -> None:
    now = clock.now()
    with transaction() as session:
        attempt = actions.begin_attempt(session, anna.email, at=now)
    proof = actions.judge(attempt, SignInForm(anna.email, PASSWORD, anna.code(at=now)), vault, at=now)

    def enter() -> bool:
        try:
            with transaction() as session:
                actions.let_in(session, proof, at=now, address="", agent="")
        except actions.WrongCredentials:
            return False
        return True

    assert at_once(enter) == 1
