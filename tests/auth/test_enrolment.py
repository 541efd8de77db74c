"""Giving people their ways in, and the codes of whoever runs the portal."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.auth import actions, totp
from portal.auth.forms import SignInForm
from portal.auth.models import Login
from portal.auth.passwords import PasswordUnfit
from portal.orgs.models import Person
from portal.primitives import clock
from tests import doorway


@pytest.fixture
def vault(app: Flask) -> totp.Vault:
    made: totp.Vault = app.extensions["vault"]
    return made


def test_enrols_with_a_sealed_secret_and_an_address_for_the_authenticator(
    session: Session, vault: totp.Vault
) -> None:
    enrolled = actions.enrol_person(
        session, vault, name="Анна", email=" Anna@Romashka.by", password=doorway.PASSWORD
    )
    person = session.get_one(Person, enrolled.person_id)
    secret = vault.open(person.id, person.totp_secret)
    assert secret is not None
    assert secret in enrolled.provisioning_uri
    assert person.email == "anna@romashka.by"
    assert doorway.PASSWORD not in person.password_hash


def test_a_name_belongs_to_one_person(session: Session, vault: totp.Vault) -> None:
    anna = doorway.enrol(session, vault)
    with pytest.raises(actions.LoginTaken):
        doorway.enrol(session, vault, email="ANNA@romashka.by")
    other = doorway.enrol(session, vault, email="other@romashka.by")
    actions.add_login(session, anna.id, "191 234 567")
    actions.add_login(session, anna.id, "191234567")
    with pytest.raises(actions.LoginTaken):
        actions.add_login(session, other.id, "191-234-567")
    assert session.scalars(sa.select(Login.login).where(Login.person_id == anna.id)).all() == [
        "anna@romashka.by",
        "191234567",
    ]


def test_refuses_a_password_that_is_too_weak(session: Session, vault: totp.Vault) -> None:
    with pytest.raises(PasswordUnfit):
        actions.enrol_person(session, vault, name="Анна", email="anna@romashka.by", password="12345")


def test_the_operator_reads_the_code_that_the_authenticator_shows(
    session: Session, vault: totp.Vault
) -> None:
    anna, now = doorway.enrol(session, vault), clock.now()
    current = actions.current_code(session, vault, " ANNA@romashka.by ", at=now)
    assert current.code == anna.code(at=now)
    assert current.good_from <= now


def test_used_codes_are_passed_over(session: Session, vault: totp.Vault) -> None:
    anna, now = doorway.enrol(session, vault), clock.now()
    for waited in (timedelta(0), timedelta(0), timedelta(seconds=30)):
        current = actions.current_code(session, vault, anna.email, at=now)
        form = SignInForm(anna.email, doorway.PASSWORD, current.code)
        at = now + waited
        assert (current.good_from > now) == bool(waited)
        proof = actions.judge(actions.begin_attempt(session, anna.email, at=at), form, vault, at=at)
        actions.let_in(session, proof, at=at, address="", agent="")


def test_nobodys_code_is_refused_by_name(session: Session, vault: totp.Vault) -> None:
    with pytest.raises(actions.PersonUnknown):
        actions.current_code(session, vault, "nobody@romashka.by", at=clock.now())
    anna = doorway.enrol(session, vault)
    with pytest.raises(actions.PersonUnknown):
        actions.current_code(
            session, totp.Vault("another secret key altogether, also long"), anna.email, at=clock.now()
        )
