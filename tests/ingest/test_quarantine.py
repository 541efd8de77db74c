"""Trying a quarantined document again, and letting go of bytes that are in the journal."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.ingest.actions import PORTAL_SENDER, Accepted, forget_bodies, retry_quarantined
from portal.ingest.drain import drain_register
from portal.ingest.models import UNATTRIBUTED
from portal.ingest.queries import get_outcome
from portal.primitives import clock
from portal.primitives.refusals import NotFound
from portal.registers.models import Register
from tests import factories
from tests.ingest import stream
from tests.ingest.stream import Till


def retry(till: Till, quarantine_id: int, person_id: int = 7) -> Accepted:
    with db.transaction(till.organisation_id) as session:
        accepted = retry_quarantined(
            session, till.organisation_id, quarantine_id, at=clock.now(), person_id=person_id
        )
    for lane in accepted.register_ids:
        drain_register(till.organisation_id, lane)
    return accepted


def only_id(till: Till) -> int:
    [(found,)] = till.rows("select id from quarantine where retried_at is null")
    return int(found)


def test_a_document_of_a_register_put_on_record_since_is_taken_when_tried_again(
    session: Session, till: Till
) -> None:
    stream.gateway(till).send(till.sale(1, register="NEW"), till.sale(1))
    drain_register(till.organisation_id, UNATTRIBUTED)
    fresh = stream.another_till(session, till, factory_number="NEW")

    accepted = retry(till, only_id(till))

    assert accepted.register_ids == (fresh.register_id,)
    assert fresh.numbers() == [1]
    assert till.rows("select retry_batch_id, retried_at is not null, reason from quarantine") == [
        (accepted.batch_id, True, "unknown_register")
    ]
    assert till.rows(
        "select sender_id, document_count from ingest_batch where id = :id", id=accepted.batch_id
    ) == [(PORTAL_SENDER, 1)]


def test_trying_again_is_written_into_the_audit(session: Session, till: Till) -> None:
    person = factories.person(session)
    till.take(till.sale(1), till.sale(1, 7))
    quarantine_id = only_id(till)
    retry(till, quarantine_id, person.id)
    [(person_id, action, subject, before, after)] = till.rows(
        "select person_id, action, subject, before, after from audit"
    )
    assert (person_id, action, subject) == (person.id, "ingest.retry", f"quarantine:{quarantine_id}")
    assert before == {"reason": "fork", "retried_at": None}
    assert set(after) == {"retried_at", "batch"}


def test_what_is_wrong_still_goes_back_to_quarantine(till: Till) -> None:
    till.take(till.sale(1), till.sale(1, 7), b"[broken")
    first = [row[0] for row in till.rows("select id from quarantine order by id")]
    for quarantine_id in first:
        retry(till, quarantine_id)
    assert till.rows(
        "select reason, convert_from(body, 'UTF8') from quarantine where retried_at is null order by reason"
    ) == [
        ("fork", stream.raw_of(till.sale(1, 7)).decode()),
        ("unreadable", "[broken"),
    ]
    assert till.numbers() == [1]


@pytest.mark.parametrize("raw", [b"\x1e", b"[1]", b"[", b" [1", b"\xff\xfe", b"{", b"\x00"])
def test_any_bytes_can_be_tried_again_and_stay_whole(till: Till, raw: bytes) -> None:
    till.send_body(b"1\n" + raw)
    till.drain()
    [(_, _), (quarantine_id, body)] = till.rows("select id, body from quarantine order by position")
    assert bytes(body) == raw
    retry(till, quarantine_id)
    [(again,)] = till.rows("select body from quarantine where batch_id = (select max(id) from ingest_batch)")
    assert bytes(again) == raw


def test_a_document_is_tried_again_only_once(till: Till) -> None:
    till.take(b"?")
    quarantine_id = only_id(till)
    retry(till, quarantine_id)
    batches = till.rows("select count(*) from ingest_batch")
    with pytest.raises(NotFound):
        retry(till, quarantine_id)
    assert till.rows("select count(*) from ingest_batch") == batches
    assert till.rows("select count(*) from audit") == [(1,)]


def test_nobody_tries_again_what_is_another_organisations(session: Session, till: Till) -> None:
    other = stream.open_till(session)
    other.take(b"?")
    foreign = only_id(other)
    with pytest.raises(NotFound):
        retry(till, foreign)
    with pytest.raises(NotFound):
        retry(till, 2**40)
    assert other.rows("select retried_at from quarantine") == [(None,)]


def test_a_document_that_was_in_quarantine_closes_its_gap_when_taken(session: Session, till: Till) -> None:
    with db.transaction(till.organisation_id) as inside:
        inside.execute(sa.update(Register).where(Register.id == till.register_id).values(state="removed"))
    till.take(till.sale(2))
    with db.transaction(till.organisation_id) as inside:
        inside.execute(sa.update(Register).where(Register.id == till.register_id).values(state="ready"))
    till.take(till.sale(1), till.sale(3))
    assert till.gaps() == [(2, 2, "{[2,3)}", False)]
    retry(till, only_id(till))
    assert till.gaps() == [(2, 2, "{}", True)]


# The outcome of a batch


def test_the_outcome_tells_its_sender_what_came_of_each_document(session: Session, till: Till) -> None:
    second = stream.another_till(session, till)
    gateway = stream.gateway(till)
    accepted = gateway.send(till.sale(1), second.sale(1, cashier=None), till.sale(1), b"?")

    def outcome() -> dict[str, object]:
        with db.transaction(till.organisation_id) as inside:
            return get_outcome(inside, gateway.speaker, accepted.batch_id)

    assert outcome()["state"] == "waiting"
    till.drain()
    assert (outcome()["state"], outcome()["accepted"]) == ("waiting", 1)
    second.drain()
    drain_register(till.organisation_id, UNATTRIBUTED)
    told = outcome()
    del told["received_at"]
    assert told.pop("quarantine") == [
        {
            "position": 4,
            "reason": "unreadable",
            "facts": {"why": "JSON is malformed: invalid character (byte 0)", "field": ""},
        }
    ]
    assert told == {
        "batch": accepted.batch_id,
        "documents": 4,
        "state": "drained",
        "accepted": 2,
        "repeated": 1,
        "remarked": 1,
        "quarantined": 1,
    }


def test_the_outcome_is_nobody_elses(session: Session, till: Till) -> None:
    accepted = till.send(till.sale(1))
    other = stream.open_till(session)
    for speaker, organisation_id in (
        (stream.gateway(till).speaker, till.organisation_id),
        (other.speaker, other.organisation_id),
    ):
        with db.transaction(organisation_id) as inside, pytest.raises(NotFound):
            get_outcome(inside, speaker, accepted.batch_id)


# Letting go


def forget(till: Till, days: int) -> int:
    with db.transaction(till.organisation_id) as session:
        return forget_bodies(session, till.organisation_id, drained_before=clock.now() - timedelta(days=days))


def test_bytes_are_let_go_only_days_after_they_were_drained(till: Till) -> None:
    till.take(till.sale(1))
    till.take(till.sale(2))
    till.send(till.sale(3), at=clock.now() - timedelta(days=400))
    with db.transaction(till.organisation_id) as session:
        session.execute(
            sa.text(
                "update ingest_portion set drained_at = drained_at - interval '8 days' where batch_id = "
                "(select min(batch_id) from ingest_portion)"
            )
        )

    assert forget(till, 7) == 1

    kept = till.rows("select body is not null, drained_at is not null from ingest_portion order by batch_id")
    assert kept == [(False, True), (True, True), (True, False)]
    assert forget(till, 7) == 0
    assert till.drain().accepted == 1
    assert till.numbers() == [1, 2, 3]


def test_letting_go_touches_no_other_organisation(session: Session, till: Till) -> None:
    other = stream.open_till(session)
    other.take(other.sale(1))
    till.take(till.sale(1))
    assert forget(till, -1) == 1
    assert other.rows("select body is not null from ingest_portion") == [(True,)]
