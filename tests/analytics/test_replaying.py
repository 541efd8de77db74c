"""Replaying cloud tills: what was issued comes out again byte for byte, and whatever was changed since is named."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.orm import Session

from portal.analytics.following import follow_register
from portal.analytics.replaying import Replayed, replay_organisation
from portal.analytics.verify import verify
from portal.cli import load
from portal.config import Settings
from portal.db import transaction
from portal.demo.customers import Customers, settings_of
from portal.demo.shops import DALA_MARKET, GRAIN_AND_HONEY
from portal.fiscal import codec
from portal.fiscal.commands import ComeBack, Command, GoAutonomous, OpenShift, Receipt
from portal.fiscal.dialects import dialect_of
from portal.fiscal.register import close_commands, new_register
from portal.fiscal.register import issue as ask_engine
from portal.fiscal.rules import NotEnoughCash, NothingLeft
from portal.journal.issuing import (
    change_state,
    create_till,
    issue,
    list_waiting,
    read_standing,
    record_answer,
)
from tests import factories
from workers import analytics

MORNING = datetime(2026, 5, 15, 5, tzinfo=UTC)
SHOPS = {"by": GRAIN_AND_HONEY.shops[4], "kz": DALA_MARKET.shops[0]}


@dataclass
class Desk:
    """A cloud till and those who come to it."""

    organisation_id: int
    register_id: int
    factory_number: str
    customers: Customers
    at: datetime = MORNING

    def ask(self, command: Command) -> None:
        """Issue something that is not refused."""
        self.at += timedelta(seconds=30)
        issue(self.organisation_id, self.register_id, command, at=self.at)

    def serve(self, times: int) -> None:
        """So many customers."""
        for _ in range(times):
            command = self.customers.ask(MORNING.date())
            if isinstance(command, Receipt):
                standing = read_standing(self.organisation_id, self.register_id)
                _, seen = ask_engine(standing.register, standing.settings, command, self.at, standing.dialect)
                assert seen is not None
                command = self.customers.pay(command, seen)
            self.at += timedelta(seconds=30)
            try:
                issued = issue(self.organisation_id, self.register_id, command, at=self.at)
            except (NotEnoughCash, NothingLeft):
                continue
            self.customers.remember(issued.document)

    def change(self, command: GoAutonomous | ComeBack) -> None:
        """Lose the operator, or find it again."""
        self.at += timedelta(seconds=30)
        change_state(read_standing(self.organisation_id, self.register_id), command, at=self.at)


def open_desk(country: str) -> Desk:
    """A new cloud till that has lived through a day: receipts of all sorts, an operator lost and found, a shift closed."""
    shop = SHOPS[country]
    stall = shop.stalls[0]
    dialect = dialect_of(country)
    with transaction() as session:
        company = factories.organisation(session, country=country)
        register = factories.register(
            session, factories.point(session, company), factory_number=stall.register
        )
        register.registration_number = stall.registration_number
        settings = settings_of(shop, stall, company.tax_id)
        state = new_register(stall.register, dialect, registration_number=stall.registration_number)
        # Nobody listens there: what is issued waits.
        create_till(
            session, company.id, register.id, state, settings, at=MORNING,
            operator_host="127.0.0.1", operator_port=9, operator_device=1, token=1,
        )  # fmt: skip
        desk = Desk(
            company.id, register.id, stall.register, Customers(shop, stall, settings, Random(country))
        )
    if country == "by":
        desk.ask(OpenShift(cashier="Анна"))
    change = desk.customers.change_for(0, MORNING.date(), opens_shift=True)
    assert change is not None
    desk.ask(change)
    desk.serve(30)
    if country == "kz":
        late = read_standing(desk.organisation_id, desk.register_id).register.number
        with transaction(desk.organisation_id) as session:
            body = session.scalars(
                sa.text("select body from document_body where number = :n"), {"n": late}
            ).one()
        desk.change(GoAutonomous(late=(codec.decode(body.encode()),), reason="timeout"))
        desk.serve(10)
        for waiting in list_waiting(desk.organisation_id, desk.register_id, 1000):
            record_answer(
                desk.organisation_id, desk.register_id, waiting.number, at=desk.at, token=None, fiscal_sign="1", qr=None
            )  # fmt: skip
        desk.change(ComeBack())
        desk.serve(10)
    standing = read_standing(desk.organisation_id, desk.register_id)
    for command in close_commands(standing.register, standing.settings, cashier="Анна"):
        desk.ask(command)
    if country == "by":
        desk.ask(OpenShift(cashier="Анна"))
    desk.serve(10)
    return desk


@pytest.fixture(params=["by", "kz"])
def desk(request: pytest.FixtureRequest, database: Settings) -> Desk:
    return open_desk(request.param)


def tamper(owner_session: Session, statement: str) -> None:
    """What somebody with all rights might do to the database."""
    owner_session.connection().exec_driver_sql(statement)
    owner_session.commit()


def whats(replayed: Replayed) -> list[str]:
    return [f"{one.where} {one.found.split()[0]}" for one in replayed.differences]


def test_everything_that_was_issued_comes_out_again(desk: Desk) -> None:
    replayed = replay_organisation(desk.organisation_id)
    assert (replayed.differences, replayed.notices) == ([], [])
    assert replayed.registers == 1
    assert replayed.documents == read_standing(desk.organisation_id, desk.register_id).register.number
    assert replayed.streamed == 0
    assert replayed.events == (2 if desk.customers.country == "kz" else 0)
    assert replayed.seconds > 0


def test_a_body_that_was_changed_is_named(desk: Desk, owner_session: Session) -> None:
    tamper(
        owner_session,
        "update document_body set body = replace(body, '\"cashier_code\":', '\"cashier_code\":1') where number = 7",
    )
    assert "number=7 fields" in whats(replay_organisation(desk.organisation_id))


def test_a_state_that_does_not_follow_from_the_journal_is_named(desk: Desk, owner_session: Session) -> None:
    number = read_standing(desk.organisation_id, desk.register_id).register.number
    tamper(
        owner_session,
        "update cloud_till set state = jsonb_set(state::jsonb, '{cash_minor}', '123456')::text",
    )
    (found,) = replay_organisation(desk.organisation_id).differences
    assert (found.where, found.found) == (f"number={number}", "state fields=['cash_minor']")


def test_counters_that_do_not_follow_from_the_journal_are_named(desk: Desk, owner_session: Session) -> None:
    tamper(
        owner_session,
        "update cloud_till set state = jsonb_set(state::jsonb, '{counters,0,0,0}', '99')::text",
    )
    (found,) = replay_organisation(desk.organisation_id).differences
    assert found.found == "state fields=['counters']"


def test_a_document_that_is_missing_is_named(desk: Desk, owner_session: Session) -> None:
    for table in ("document", "document_body", "issued_document"):
        tamper(owner_session, f"delete from {table} where number = 9")
    assert "number=10 gap" in whats(replay_organisation(desk.organisation_id))


def test_the_loss_of_the_operator_is_a_part_of_the_journal(
    database: Settings, owner_session: Session
) -> None:
    desk = open_desk("kz")
    tamper(owner_session, "delete from register_event where kind = 'went_autonomous'")
    found = whats(replay_organisation(desk.organisation_id))
    assert any(one.endswith("fields") for one in found)
    assert any(one.endswith("event_refused") for one in found)


def test_documents_of_other_rules_are_a_notice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.fiscal.replay.ENGINE_VERSION", 2)
    replayed = replay_organisation(desk.organisation_id)
    assert {one.found.split()[0] for one in replayed.notices} == {"other_rules"}
    assert len(replayed.notices) == replayed.documents


def test_the_command_says_figures_and_ends_with_the_right_status(
    desk: Desk, owner_session: Session, environment: dict[str, str]
) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        answer = CliRunner().invoke(load(), ["verify", "--replay", *arguments], env=environment)
        return answer.exit_code, answer.output

    status, words = run()
    assert status == 0, words
    assert f"organisation {desk.organisation_id}: " in words
    assert "1 cloud registers issued again after 0 streamed ones" in words
    assert "0 differences, 0 notices" in words
    tamper(owner_session, "update cloud_till set state = jsonb_set(state::jsonb, '{number}', '1')::text")
    status, words = run("--json")
    assert status == 1
    (found,) = json.loads(words)
    assert found["differences"][0]["kind"] == "replay"


def test_the_nightly_job_logs_every_difference(
    desk: Desk, owner_session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "kassa.analytics")
    analytics.replay_organisation(desk.organisation_id)
    assert "event=replay_difference" not in caplog.text
    tamper(owner_session, "update cloud_till set state = jsonb_set(state::jsonb, '{number}', '1')::text")
    analytics.replay_organisation(desk.organisation_id)
    assert "event=replay_difference" in caplog.text


def test_the_ordinary_proof_finds_what_was_issued_in_order(desk: Desk) -> None:
    follow_register(desk.organisation_id, desk.register_id)
    report = verify(desk.organisation_id)
    assert (report.differences, report.notices) == ([], [])
    assert report.shifts_closed == 1


def test_the_ordinary_proof_holds_a_z_report_against_the_documents_of_its_shift(
    desk: Desk, owner_session: Session
) -> None:
    follow_register(desk.organisation_id, desk.register_id)
    tamper(
        owner_session,
        "update document_body set body = replace(body, '\"receipt_count\":', '\"receipt_count\":1') where number = "
        "(select number from document where kind = 10)",
    )
    found = [one for one in verify(desk.organisation_id).differences if one.kind == "z_report"]
    assert [one.where.split("of=")[1] for one in found] == ["cashiers, receipt_count"]
