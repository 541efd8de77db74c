"""Working without the operator: 72 hours, signs, and what is counted as offline."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from portal.fiscal import rules
from portal.fiscal.autonomy import autonomous_sign, blocked_at, unique_identifier
from portal.fiscal.commands import Annul
from portal.fiscal.dialects import BELARUS, KAZAKHSTAN
from portal.fiscal.documents import Document
from portal.primitives.refusals import Refusal
from tests.fiscal.samples import receipt
from tests.fiscal.tills import MORNING, Till, belarusian_till, kazakh_till


def refused(till: Till, act: Any, *given: Any) -> Refusal:
    before = till.register
    with pytest.raises(Refusal) as caught:
        act(*given)
    assert till.register == before
    return caught.value


def test_with_its_operator_a_register_gives_no_sign_of_its_own() -> None:
    till = kazakh_till()
    document = till.sell(100)
    assert (document.autonomous, document.fiscal_sign) == (False, None)


def test_without_it_every_document_carries_an_autonomous_sign() -> None:
    till = kazakh_till()
    till.go_autonomous()
    for document in (till.sell(100), till.cash(100), till.x_report(), till.close()):
        assert document.autonomous
        assert document.fiscal_sign == autonomous_sign(document)
    till.come_back()
    assert till.sell(100).fiscal_sign is None


def test_in_belarus_every_document_carries_an_identifier() -> None:
    till = belarusian_till()
    till.sell(100)
    till.close()
    for document in till.documents:
        assert (document.autonomous, document.fiscal_sign) == (False, unique_identifier(document))
    assert len({document.fiscal_sign for document in till.documents}) == 3


def test_the_same_document_always_gets_the_same_sign_whatever_it_states() -> None:
    document = receipt(previous="0" * 64)
    signed = replace(document, fiscal_sign="1", autonomous=True, digest="1" * 64)
    assert autonomous_sign(document) == autonomous_sign(signed) == "797966348"
    assert unique_identifier(document) == unique_identifier(signed) == "8FC955D3817872B6A247B823"


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 13},
        {"total_minor": 1},
        {"kind": "purchase"},
        {"register": "БК00012346"},
        {"previous": "1" * 64},
        {"issued_at": receipt().issued_at + timedelta(seconds=1)},
    ],
)
def test_another_document_gets_another_sign(changes: dict[str, Any]) -> None:
    document = receipt(previous="0" * 64)
    other = replace(document, **changes)
    assert autonomous_sign(other) != autonomous_sign(document)
    assert unique_identifier(other) != unique_identifier(document)


def test_an_autonomous_sign_fits_32_bits_and_is_never_nought() -> None:
    signs = [int(autonomous_sign(receipt(number=number))) for number in range(2**20 - 500, 2**20 + 500)]
    assert all(0 < sign < 2**32 for sign in signs)
    assert len(set(signs)) == 1_000


def test_an_identifier_is_24_capital_hexadecimal_digits() -> None:
    for number in range(1, 50):
        identifier = unique_identifier(receipt(number=number))
        assert len(identifier) == 24
        assert set(identifier) <= set("0123456789ABCDEF")


def test_works_72_hours_without_the_operator_and_then_not_at_all() -> None:
    till = kazakh_till()
    till.sell(1_000)
    till.close()
    till.go_autonomous()
    assert blocked_at(till.register, KAZAKHSTAN) == MORNING + timedelta(hours=72)
    till.later(hours=72)
    sold = till.sell(1_000)
    till.later(microseconds=1)
    for act in (
        lambda: till.sell(100),
        lambda: till.cash(100),
        lambda: till.refund(sold),
        till.x_report,
        till.close,
    ):
        refusal = refused(till, act)
        assert isinstance(refusal, rules.AutonomousTooLong)
        assert refusal.facts == {
            "autonomous_since_at": MORNING,
            "blocked_at": MORNING + timedelta(hours=72),
        }
    till.come_back()
    assert blocked_at(till.register, KAZAKHSTAN) is None
    assert till.sell(100).number == sold.number + 1


def test_goes_and_comes_back_once() -> None:
    till = kazakh_till()
    assert isinstance(refused(till, till.come_back), rules.NotAutonomous)
    till.go_autonomous()
    till.later(hours=1)
    refusal = refused(till, till.go_autonomous)
    assert isinstance(refusal, rules.AlreadyAutonomous)
    assert refusal.facts == {"autonomous_since_at": MORNING}
    till.come_back()
    assert isinstance(refused(till, till.come_back), rules.NotAutonomous)


def test_belarus_knows_no_autonomous_register() -> None:
    till = belarusian_till()
    assert isinstance(refused(till, till.go_autonomous), rules.NotAutonomous)
    assert blocked_at(till.register, BELARUS) is None


def test_is_without_its_operator_since_the_document_that_it_did_not_answer() -> None:
    till = kazakh_till()
    late = till.sell(1_000)
    till.later(seconds=3)
    till.go_autonomous(late)
    assert till.register.autonomous_since == late.issued_at == MORNING


def _offline(document: Document) -> tuple[int, int, int]:
    """Sales, cash put in and cash taken out that the report counts as offline."""
    report = document.report
    assert report is not None
    return report.operations[0].offline_count, report.cash_in.offline_count, report.cash_out.offline_count


def test_counts_autonomous_documents_and_late_ones_as_offline() -> None:
    till = kazakh_till()
    till.sell(1_000)
    till.cash(1_000)
    for late in (till.sell(1_000), till.cash(1_000), till.cash(-1_000), till.x_report()):
        till.go_autonomous(late)
        till.come_back()
    assert _offline(till.x_report()) == (1, 1, 1)
    till.go_autonomous()
    till.sell(1_000)
    till.cash(500)
    till.cash(-500)
    assert _offline(till.x_report()) == (2, 2, 2)


def test_a_late_document_of_a_shift_that_is_over_is_counted_no_more() -> None:
    till = kazakh_till()
    late = till.sell(1_000)
    closed = till.close()
    before = till.register.counters
    till.go_autonomous(late, closed)
    assert till.register.counters == before
    till.come_back()
    till.sell(1_000)
    till.go_autonomous(late)
    assert _offline(till.x_report()) == (0, 0, 0)


def test_what_was_refused_takes_its_offline_count_with_it() -> None:
    till = kazakh_till()
    sold = till.sell(1_000)
    till.go_autonomous(sold)
    till.come_back()
    late = till.original(sold, is_autonomous=True)
    before = _offline(till.x_report())
    till.issue(Annul(cashier="Б", is_refused=True, number=sold.number), original=late)
    assert (before, _offline(till.x_report())) == ((1, 0, 0), (0, 0, 0))
