"""The operator's commands: what they do is done by the same actions as everywhere, and said in one line."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from portal.audit import AuditEntry
from portal.auth import actions as auth
from portal.auth.forms import SignInForm
from portal.auth.totp import Vault
from portal.cli import load
from portal.config import Settings
from portal.db import transaction
from portal.orgs.queries import find_organisation
from portal.primitives import clock
from portal.primitives.identifiers import unp_check_digit
from portal.registers.queries import find_sender
from tests.doorway import PASSWORD

UNP = f"19123456{unp_check_digit('19123456')}"

Run = Callable[..., Result]


@pytest.fixture
def run(database: Settings, environment: dict[str, str]) -> Run:
    """`./kassa …` on this worker's database, with an organisation founded."""

    def kassa(*words: str, status: int = 0) -> Result:
        result = CliRunner(env=environment).invoke(load(), list(words))
        assert result.exit_code == status, result.output
        return result

    kassa("organisation", "add", "--country", "by", "--tax-id", UNP, "--name", "ООО «Ромашка»")
    return kassa


def add_anna(run: Run, *words: str) -> Result:
    return run(
        "person", "add", "--organisation", UNP, "--email", "anna@romashka.by", "--name", "Анна",
        "--password", PASSWORD, *words,
    )  # fmt: skip


def test_a_new_person_signs_in_with_the_code_that_is_printed(run: Run, database: Settings) -> None:
    assert "otpauth://totp/" in add_anna(run, "--by-tax-id").output
    for login in ("anna@romashka.by", UNP):
        code = run("code", login).output.strip().splitlines()[-1]
        assert re.fullmatch("[0-9]{6}", code)
    vault, now = Vault(database.secret_key), clock.now()
    with transaction() as session:
        attempt = auth.begin_attempt(session, UNP, at=now)
        proof = auth.judge(attempt, SignInForm(UNP, PASSWORD, code), vault, at=now)
        assert auth.let_in(session, proof, at=now, address="", agent="").organisation_id is not None


def test_a_known_person_gets_one_more_place_and_no_new_secret(run: Run) -> None:
    add_anna(run)
    again = run("person", "add", "--organisation", UNP, "--email", "anna@romashka.by", "--role", "cashier")
    assert "otpauth" not in again.output
    with transaction() as session:
        organisation = find_organisation(session, UNP)
        assert organisation is not None
        roles = session.scalars(sa.text("select role from membership")).all()
        assert roles == ["cashier"]


def test_a_till_gets_a_token_and_loses_it(run: Run) -> None:
    run("point", "add", "--organisation", UNP, "--name", "Немига, 5", "--zone", "Europe/Minsk")
    with transaction() as session:
        find_organisation(session, UNP)
        point_id = session.scalar(sa.text("select id from point"))
    run(
        "register", "add", "--organisation", UNP, "--point", str(point_id), "--name", "Касса 1",
        "--factory-number", "SWK00033717",
    )  # fmt: skip
    token = run(
        "token", "issue", "--organisation", UNP, "--register", "SWK00033717", "--name", "касса"
    ).output.strip()
    found = find_sender(token)
    assert found is not None
    assert found.register_id is not None
    run("token", "revoke", "--organisation", UNP, str(found.sender_id))
    again = find_sender(token)
    assert again is not None
    assert again.is_revoked
    with transaction() as session:
        find_organisation(session, UNP)
        actions = session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == [
        "orgs.create", "orgs.add_point", "registers.add", "registers.issue_token", "registers.revoke_token",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("code", "nobody@romashka.by"), "refused: auth.person_unknown (login nobody@romashka.by)"),
        (("organisation", "add", "--country", "by", "--tax-id", UNP, "--name", "x"), "orgs.tax_id_taken"),
        (("organisation", "add", "--country", "by", "--tax-id", "1", "--name", "x"), "orgs.tax_id_unfit"),
        (("token", "issue", "--organisation", "999", "--name", "x"), "there is no organisation 999"),
        (("token", "issue", "--organisation", UNP, "--register", "Z", "--name", "x"), "no register Z"),
        (("token", "revoke", "--organisation", UNP, "77"), "refused: not_found"),
        (
            ("point", "add", "--organisation", UNP, "--name", "x", "--zone", "Mars/Olympus"),
            "orgs.zone_unknown",
        ),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_a_refusal_is_said_in_one_line(run: Run, words: tuple[str, ...], said: str) -> None:
    result = run(*words, status=1)
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_weak_password_leaves_nothing_behind(run: Run) -> None:
    result = run(
        "person", "add", "--organisation", UNP, "--email", "anna@romashka.by", "--password", "12345", status=1
    )
    assert "auth.password_unfit" in result.output
    with transaction() as session:
        assert session.scalar(sa.text("select count(*) from person")) == 0
