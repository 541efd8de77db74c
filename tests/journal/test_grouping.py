"""Group commit: each caller gets what is its own, whatever becomes of those who were written with it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from portal.analytics.following import follow_register
from portal.analytics.verify import verify
from portal.config import Settings
from portal.db import transaction
from portal.fiscal import rules
from portal.fiscal.commands import GoAutonomous
from portal.journal import grouping, issuing
from portal.journal.grouping import GroupWriter
from portal.journal.issued import Issued
from portal.journal.standing import MEMORY
from portal.journal.writing import Draft
from tests.journal.tills import MORNING, Shop, after, cash_out, found_shop, sale


@pytest.fixture
def shop(database: Settings) -> Shop:
    made = found_shop("kz", 6, host=None)
    for register_id in made.register_ids:
        issuing.issue(made.id, register_id, sale(), at=MORNING, key="first")
    return made


@contextmanager
def gathered(monkeypatch: pytest.MonkeyPatch, count: int) -> Iterator[list[list[Any]]]:
    """Let the first caller's statement wait until so many others have queued; gives the groups as they were written."""
    groups: list[list[Any]] = []
    everybody = Event()
    together = grouping._write_together
    enter = grouping._Place.__post_init__
    places = 0

    def wait_and_write(group: list[Any]) -> None:
        if not groups:
            assert everybody.wait(30)
        groups.append(list(group))
        together(group)

    def come(place: Any) -> None:
        nonlocal places
        enter(place)
        places += 1
        if places > count:
            everybody.set()

    monkeypatch.setattr(grouping, "_write_together", wait_and_write)
    monkeypatch.setattr(grouping._Place, "__post_init__", come)
    yield groups


def ask(calls: list[Callable[[], Issued]]) -> list[Issued | Exception]:
    """What each caller got, all of them calling at the same time."""

    def one(call: Callable[[], Issued]) -> Issued | Exception:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - what it got is what is looked at
            return error

    with ThreadPoolExecutor(len(calls)) as callers:
        return list(callers.map(one, calls))


def selling(writer: GroupWriter, shop: Shop, register_id: int, **more: Any) -> Callable[[], Issued]:
    return lambda: writer.issue(shop.id, register_id, sale(), at=after(1), **more)


def test_callers_of_many_tills_share_a_commit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = GroupWriter()
    with gathered(monkeypatch, 5) as groups:
        got = ask([selling(writer, shop, register_id, key="k") for register_id in shop.register_ids])
    assert [len(group) for group in groups] == [1, 5]
    assert [isinstance(one, Issued) and (one.register_id, one.document.number) for one in got] == [
        (register_id, 2) for register_id in shop.register_ids
    ]
    with transaction(shop.id) as session:
        commits = session.execute(
            sa.text("select count(distinct xmin::text) from document where number = 2")
        ).scalar()
    assert commits == 2
    for register_id in shop.register_ids:
        follow_register(shop.id, register_id)
    assert verify(shop.id).differences == []


def test_those_written_together_are_stored_like_those_written_alone(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them is written alone, the others in one statement; three are held for their operator."""
    shop, writer = found_shop("kz", 4), GroupWriter()
    standing = issuing.read_standing(shop.id, shop.register_id)
    issuing.change_state(standing, GoAutonomous(reason="timeout"), at=MORNING)
    with gathered(monkeypatch, 3):
        got = ask([selling(writer, shop, one, key="k", hold_s=30.0) for one in shop.register_ids])
    assert all(isinstance(one, Issued) and one.request_number == 1 for one in got)
    with transaction(shop.id) as session:
        found = session.execute(
            sa.text(
                "select i.number, i.key, i.request_number, i.delivery, i.is_autonomous, "
                "i.autonomous_sign is not distinct from d.fiscal_sign, t.in_flight, t.held_until > now(), "
                "d.kind, d.total_minor, d.accepted_at, h.first_number, h.last_number, h.last_issued_at, "
                "encode(h.till_digest, 'hex') = b.body::json->>'digest' "
                "from issued_document i join document d using (register_id, number) "
                "join document_body b using (register_id, number) "
                "join cloud_till t using (register_id) join register_head h using (register_id) order by register_id"
            )
        ).all()
    told = (2, 30_000, after(1), 1, 1, after(1), True)
    assert [tuple(row) for row in found] == [
        (1, "k", 1, "waiting", True, True, None, None, *told),
        *[(1, "k", 1, "waiting", False, True, 1, True, *told)] * 3,
    ]


def test_organisations_share_a_commit_and_nothing_else(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shops = [found_shop("kz", host=None) for _ in range(4)]
    writer = GroupWriter()
    with gathered(monkeypatch, 3) as groups:
        got = ask([selling(writer, shop, shop.register_id) for shop in shops])
    assert [len(group) for group in groups] == [1, 3]
    assert [isinstance(one, Issued) and one.organisation_id for one in got] == [shop.id for shop in shops]
    for shop in shops:
        with transaction(shop.id) as session:
            assert session.execute(sa.text("select organisation_id, register_id from document")).all() == [
                (shop.id, shop.register_id)
            ]


def test_one_that_was_overtaken_tries_again_and_holds_up_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = GroupWriter()
    slow = shop.register_ids[2]
    stale = MEMORY.recall(shop.id, slow)
    assert stale is not None
    issuing.issue(shop.id, slow, sale(), at=after(1))
    MEMORY.remember(stale)
    with gathered(monkeypatch, 5):
        got = ask([selling(writer, shop, register_id) for register_id in shop.register_ids])
    assert [isinstance(one, Issued) and one.document.number for one in got] == [2, 2, 3, 2, 2, 2]


def test_none_of_a_group_is_hung_on_another_chain(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """One journal does not end where its writer believes: it is read anew, and the others are written all the same."""
    writer = GroupWriter()
    with transaction(shop.id) as session:
        session.execute(
            sa.text("update register_head set digest = sha256('another') where register_id = :r"),
            {"r": shop.register_ids[3]},
        )
    with gathered(monkeypatch, 5):
        got = ask([selling(writer, shop, register_id) for register_id in shop.register_ids])
    assert [isinstance(one, Issued) and one.document.number for one in got] == [2] * 6
    with transaction(shop.id) as session:
        heads = session.execute(
            sa.text(
                "select h.sequence, h.digest = d.digest from register_head h join document d "
                "on d.register_id = h.register_id and d.number = h.last_number"
            )
        ).all()
    assert [tuple(head) for head in heads] == [(2, True)] * 6


def test_two_callers_of_one_till_get_two_receipts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = GroupWriter()
    with gathered(monkeypatch, 2):
        got = ask([selling(writer, shop, shop.register_id) for _ in range(3)])
    assert sorted(one.document.number for one in got if isinstance(one, Issued)) == [2, 3, 4]


def test_a_used_key_gives_its_receipt_and_the_others_theirs(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = GroupWriter()
    calls = [selling(writer, shop, register_id) for register_id in shop.register_ids[:5]]
    calls.append(selling(writer, shop, shop.register_ids[5], key="first"))
    with gathered(monkeypatch, 5):
        got = ask(calls)
    assert [isinstance(one, Issued) and one.document.number for one in got] == [2, 2, 2, 2, 2, 1]
    assert [isinstance(one, Issued) and one.is_repeated for one in got] == [False] * 5 + [True]


def test_the_same_key_at_once_gives_one_receipt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = GroupWriter()
    with gathered(monkeypatch, 3):
        got = ask([selling(writer, shop, shop.register_id, key="same") for _ in range(4)])
    issued = [one for one in got if isinstance(one, Issued)]
    assert len({one.body for one in issued}) == 1
    assert sorted(one.is_repeated for one in issued) == [False, True, True, True]


def test_a_refusal_is_its_callers_alone(shop: Shop) -> None:
    writer = GroupWriter()
    poor = shop.register_ids[0]
    calls: list[Callable[[], Issued]] = [selling(writer, shop, one) for one in shop.register_ids[1:]]
    calls.append(lambda: writer.issue(shop.id, poor, cash_out(10**9), at=after(1)))
    got = ask(calls)
    assert isinstance(got[-1], rules.NotEnoughCash)
    assert all(isinstance(one, Issued) for one in got[:-1])
    with pytest.raises(issuing.KeyTooLong):
        writer.issue(shop.id, poor, sale(), at=after(1), key="k" * 51)


def test_what_befalls_the_leader_doubles_nothing_of_the_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its statement was committed, and then something of its own happened to it."""
    writer, write_all = GroupWriter(), grouping._write_all

    def write_and_fail(drafts: list[Draft]) -> list[int | None]:
        write_all(drafts)
        raise RuntimeError("out of time")

    monkeypatch.setattr(grouping, "_write_all", write_and_fail)
    with gathered(monkeypatch, 5):
        got = ask([selling(writer, shop, register_id) for register_id in shop.register_ids])
    assert sum(isinstance(one, RuntimeError) for one in got) == 1
    assert [one.document.number for one in got if isinstance(one, Issued)] == [2] * 5
    with transaction(shop.id) as session:
        assert session.execute(sa.text("select count(*) from document where number > 1")).scalar() == 6


def test_everybody_hears_that_the_database_is_away_and_the_writer_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = GroupWriter()
    with monkeypatch.context() as broken:

        def lose(*_: object, **__: object) -> None:
            raise OperationalError(None, None, Exception("gone"))

        broken.setattr(grouping, "statements", lose)
        broken.setattr(grouping, "write", lose)
        broken.setattr(issuing, "read_standing", lose)
        got = ask([selling(writer, shop, register_id) for register_id in shop.register_ids])
        assert all(isinstance(one, OperationalError) for one in got)
    got = ask([selling(writer, shop, register_id) for register_id in shop.register_ids])
    assert [isinstance(one, Issued) and one.document.number for one in got] == [2] * 6


def test_many_callers_for_a_while_lose_and_double_nothing(shop: Shop) -> None:
    writer = GroupWriter()
    calls = [selling(writer, shop, register_id) for register_id in shop.register_ids for _ in range(25)]
    with ThreadPoolExecutor(16) as callers:
        got = list(callers.map(lambda call: call(), calls))
    numbers = [(one.register_id, one.document.number) for one in got]
    assert sorted(numbers) == [
        (register_id, number) for register_id in shop.register_ids for number in range(2, 27)
    ]
    for register_id in shop.register_ids:
        follow_register(shop.id, register_id)
    assert verify(shop.id).differences == []
