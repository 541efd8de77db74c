"""The reckoning after a storm finds whatever is wrong, and nothing where nothing is."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from portal.fiscal.chain import canonical
from portal.fiscal.commands import BasketLine, CloseShift, Command, MoveCash, Receipt, RegisterSettings
from portal.fiscal.dialects import KAZAKHSTAN
from portal.fiscal.documents import OPERATIONS
from portal.fiscal.register import Register, issue, new_register
from portal.ofd.wire.figures import figures_of
from portal.storm import judge
from portal.storm.judge import Counted, Kept
from portal.storm.log import Answered, Broken, Entry, Intent, Refused

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LANE = Counted(1, 7, "kz", factory_number="STORM1", device=203000)
SALE = Receipt(
    cashier="Иванов", kind="sale", lines=(BasketLine(name="Соль", price_minor=50_000, quantity_milli=1000),)
)
COMMANDS: tuple[Command, ...] = (
    SALE,
    MoveCash(cashier="Иванов", sum_minor=10_000),
    SALE,
    CloseShift(cashier="Иванов"),
    SALE,
)


def _shop() -> tuple[list[Kept], Register]:
    """A few documents of a real register, all delivered, with the register as it stands after them."""
    register = new_register("STORM1", KAZAKHSTAN, registration_number="000000000001")
    kept = []
    for place, command in enumerate(COMMANDS):
        register, document = issue(
            register, RegisterSettings(), command, AT + timedelta(minutes=place), KAZAKHSTAN
        )
        assert document is not None
        digest = hashlib.sha256(canonical(document)).hexdigest()
        kept.append(Kept(document.number, f"0-{place}", "sent", digest, document))
    return kept, register


KEPT, REGISTER = _shop()


def _told(kept: list[Kept] = KEPT) -> list[Entry]:
    told: list[Entry] = []
    for place, one in enumerate(kept):
        told.append(Intent(one.key or "", 1, 7, "kz", COMMANDS[place], place))
        told.append(
            Answered(
                one.key or "", 1, 7, one.number, one.document.kind, one.body_sha256, "sent", is_repeated=False
            )
        )
    return told


def _operator(kept: list[Kept] = KEPT, **account: Any) -> Any:
    """An operator that has counted these documents."""
    rows = [SimpleNamespace(number=one.number, total_minor=one.document.total_minor) for one in kept]
    tallies = {
        name: SimpleNamespace(
            life_count=sum(one.document.kind == name for one in kept),
            non_nullable_minor=sum(one.document.total_minor for one in kept if one.document.kind == name),
        )
        for name in OPERATIONS
    }
    facts = {"cash_minor": REGISTER.cash_minor, "tallies": tallies, **account}
    return SimpleNamespace(
        documents=lambda *_, **__: rows,
        account=lambda *_, **__: SimpleNamespace(**facts),
        z_figures=lambda _: {1: figures_of(KEPT[3].document)},
    )


def _without(place: int) -> list[Kept]:
    return [*KEPT[:place], *KEPT[place + 1 :]]


def _changed(place: int, **facts: Any) -> list[Kept]:
    return [*KEPT[:place], replace(KEPT[place], **facts), *KEPT[place + 1 :]]


def test_where_nothing_is_wrong_nothing_is_found() -> None:
    assert list(judge.told_and_kept("R", _told(), KEPT)) == []
    assert list(judge.numbers("R", KEPT)) == []
    assert list(judge.delivered(LANE, KEPT, _operator())) == []
    assert list(judge.agree(LANE, KEPT, REGISTER, _operator())) == []


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        (_without(2), "0-2 was acknowledged as 3 and is lost"),
        (_changed(2, number=30), "0-2 was acknowledged as 3 and is 30"),
        (_changed(2, body_sha256="0"), "3 is not what was acknowledged"),
        ([*KEPT, replace(KEPT[0], number=6, key=None)], "nobody asked for sale 6"),
        ([*KEPT, replace(KEPT[0], number=6, key="x")], "6 has the key x, which nobody used"),
    ],
)
def test_a_journal_that_is_not_what_was_acknowledged_is_found(kept: list[Kept], sentence: str) -> None:
    assert f"R: {sentence}" in list(judge.told_and_kept("R", _told(), kept))


def test_a_key_that_was_issued_twice_is_found() -> None:
    again = Answered("0-0", 1, 7, 1, "sale", KEPT[0].body_sha256, "sent", is_repeated=False)
    assert list(judge.told_and_kept("R", [*_told(), again], KEPT)) == ["R: 0-0 was issued 2 times"]
    repeated = msgspec.structs.replace(again, is_repeated=True)
    assert list(judge.told_and_kept("R", [*_told(), repeated], KEPT)) == []


def test_a_client_that_died_of_something_is_found() -> None:
    assert list(judge.told_and_kept("R", [*_told(), Broken(7, "0-9: KeyError('x')")], KEPT)) == [
        "R: a client died of 0-9: KeyError('x')"
    ]


def test_what_was_refused_and_issued_all_the_same_is_found() -> None:
    told = [entry for entry in _told() if not (isinstance(entry, Answered) and entry.number == 2)]
    assert list(judge.told_and_kept("R", told, KEPT)) == ["R: nobody ever answered ['0-1']"]
    refused = Refused("0-1", 1, 7, "fiscal.not_enough_cash")
    assert list(judge.told_and_kept("R", [*told, refused], KEPT)) == [
        "R: 0-1 was refused and issued all the same"
    ]
    by_operator = Refused("0-1", 1, 7, judge.REFUSED_BY_OPERATOR)
    assert list(judge.told_and_kept("R", [*told, by_operator], KEPT)) == []


def test_a_gap_and_time_that_runs_back_are_found() -> None:
    assert list(judge.numbers("R", _without(2))) == ["R: numbers are not 1 … 4"]
    early = msgspec.structs.replace(KEPT[2].document, issued_at=AT - timedelta(hours=1))
    assert list(judge.numbers("R", _changed(2, document=early))) == [
        "R: documents are not in the order of their moments"
    ]


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (_without(2), "missing [3], not ours [], twice []"),
        ([*KEPT[:2], KEPT[3], KEPT[2], KEPT[4]], "missing [], not ours [], twice []"),
        ([*KEPT, KEPT[4]], "missing [], not ours [], twice [5]"),
        ([*KEPT, replace(KEPT[4], number=9)], "missing [], not ours [9], twice []"),
    ],
)
def test_an_operators_book_that_is_not_ours_in_order_is_found(kept: list[Kept], why: str) -> None:
    assert list(judge.delivered(LANE, KEPT, _operator(kept))) == [
        f"kz STORM1: the operator's book is not ours in order: {why}"
    ]


def test_another_total_at_the_operator_is_found() -> None:
    other = msgspec.structs.replace(KEPT[0].document, total_minor=1)
    assert list(judge.delivered(LANE, KEPT, _operator(_changed(0, document=other)))) == [
        "kz STORM1: 1 came to 1 there, 50000 here"
    ]


def test_what_still_waits_is_found() -> None:
    assert "kz STORM1: sale 5 is waiting" in list(
        judge.delivered(LANE, _changed(4, delivery="waiting"), _operator(KEPT[:4]))
    )


def test_what_is_void_counts_nowhere() -> None:
    """A sale that was taken back must not be in the engine's sums; here it still is, on both sides."""
    found = list(judge.agree(LANE, _changed(4, delivery="void"), REGISTER, _operator()))
    assert "kz STORM1: documents leave 110000 in the drawer, the engine has 160000" in found
    assert "kz STORM1: the engine counts 3 sale, documents are 2" in found


def test_an_operator_that_counts_otherwise_is_found() -> None:
    assert list(judge.agree(LANE, KEPT, REGISTER, _operator(cash_minor=1))) == [
        "kz STORM1: documents leave 160000 in the drawer, the operator has 1"
    ]
    tallies = {name: SimpleNamespace(life_count=0, non_nullable_minor=0) for name in OPERATIONS}
    assert list(judge.agree(LANE, KEPT, REGISTER, _operator(tallies=tallies))) == [
        "kz STORM1: the operator counts 0 sale 0, documents are 3 150000"
    ]


def test_a_z_report_that_is_not_its_shift_is_found() -> None:
    z = KEPT[3].document
    assert z.report is not None
    first, *others = z.report.operations
    report = msgspec.structs.replace(
        z.report, operations=(msgspec.structs.replace(first, count=1, sum_minor=50_000), *others)
    )
    found = list(
        judge.agree(
            LANE, _changed(3, document=msgspec.structs.replace(z, report=report)), REGISTER, _operator()
        )
    )
    assert "kz STORM1: Z of shift 1 says 1 sale, documents are 2" in found
    assert "kz STORM1: Z of shift 1 ends with other sums of sale than it began" in found
    assert "kz STORM1: Z of shift 1: sale.count is 1 here and 2 at the operator" in found
