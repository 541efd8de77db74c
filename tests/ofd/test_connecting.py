"""Connecting a register, giving it a token, asking whether the operator knows it, and sending again by hand."""

import pytest

from portal.config import Settings
from portal.db import transaction
from portal.fiscal.commands import RegisterSettings
from portal.journal import issuing
from portal.journal.issuing import NotACloudTill, ShiftIsOpen, TillBusy
from portal.ofd import connecting
from portal.ofd.connecting import NotAccepted, NothingToSend, OperatorSilent, TokenInvalid
from portal.ofd.delivering import REFUSALS_MAX
from portal.ofd.lines import NotConnected
from portal.ofd.simulator.mischief import Mischief
from portal.ofd.simulator.testing import TestOperator
from portal.primitives import clock
from portal.primitives.refusals import NotFound
from tests import factories
from tests.ingest import stream
from tests.journal.tills import Shop, found_shop
from tests.ofd.counter import DEVICE, TOKEN, Counter, open_counter


@pytest.fixture
def counter(database: Settings, simulator: TestOperator) -> Counter:
    return open_counter(simulator)


@pytest.fixture
def mischief(simulator: TestOperator) -> Mischief:
    return simulator.mischief


def connect(counter: Counter, **changes: object) -> None:
    facts: dict[str, object] = {
        "host": counter.operator.host, "port": counter.operator.port, "device": DEVICE, "token": TOKEN,
    }  # fmt: skip
    connecting.connect_register(*counter.ids, **{**facts, **changes})  # type: ignore[arg-type]  # by name


# Connecting


def test_a_register_is_connected_once_its_operator_knows_it(
    database: Settings, simulator: TestOperator
) -> None:
    simulator.register(DEVICE, TOKEN)
    counter = Counter(found_shop("kz", host=None), simulator)
    assert counter.sell().delivery == "none"
    counter.close()
    connect(counter, settings=RegisterSettings(sum_max_minor=99_999))
    assert counter.standing.settings.sum_max_minor == 99_999
    assert counter.sell().delivery == "sent"
    assert counter.events()[-2:] == ["settings_changed", "connected"]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [({"token": 5}, TokenInvalid), ({"device": 5}, NotAccepted), ({"port": 9}, OperatorSilent)],
)
def test_a_register_that_its_operator_does_not_know_stays_as_it_is(
    database: Settings, simulator: TestOperator, changes: dict[str, object], refusal: type[Exception]
) -> None:
    simulator.register(DEVICE, TOKEN)
    counter = Counter(found_shop("kz", host=None), simulator)
    with pytest.raises(refusal):
        connect(counter, **changes)
    assert not counter.standing.is_connected
    assert "connected" not in counter.events()


def test_a_register_is_not_set_anew_in_the_middle_of_a_shift(counter: Counter) -> None:
    counter.sell()
    with pytest.raises(ShiftIsOpen):
        connect(counter, token=counter.standing.token, settings=RegisterSettings())


def test_a_register_that_streamed_goes_on_where_its_journal_ends(
    database: Settings, simulator: TestOperator
) -> None:
    with transaction() as session:
        till = stream.open_till(session, country="kz")
    till.take(till.sale(1), till.sale(2))
    from portal.ofd.simulator.account import Opening  # noqa: PLC0415 - only here

    simulator.register(DEVICE, TOKEN, opening=Opening(number=2))
    counter = Counter(Shop(till.organisation_id, (till.register_id,)), simulator)
    connect(counter, registration_number="032600010282", cash_minor=70_000)
    standing = counter.standing
    assert (standing.register.number, standing.register.cash_minor) == (2, 70_000)
    assert standing.register.registration_number == "032600010282"


def test_a_register_of_nobody_is_not_found(database: Settings, simulator: TestOperator) -> None:
    shop = found_shop("kz")
    with pytest.raises(NotFound):
        connecting.connect_register(shop.id, 2_000_000_000, host=simulator.host, port=simulator.port)


def test_in_belarus_a_register_needs_an_address_alone(database: Settings, simulator: TestOperator) -> None:
    counter = Counter(found_shop("by", host=None), simulator, "by")
    simulator.register(counter.name, country="by")
    connect(counter, port=simulator.belarus_port, device=None, token=None)
    assert counter.standing.is_connected


# Token


def test_a_new_token_is_tried_kept_and_used(counter: Counter) -> None:
    counter.sell()
    counter.operator.reset_token(DEVICE, 555)
    assert counter.sell().is_autonomous
    assert connecting.change_token(*counter.ids, 555).is_well
    counter.deliver()
    assert counter.received() == [1, 2]
    assert counter.sell().delivery == "sent"
    assert counter.events().count("token_changed") == 1


def test_a_wrong_token_is_refused_and_the_former_one_stays(counter: Counter) -> None:
    counter.sell()
    with pytest.raises(TokenInvalid):
        connecting.change_token(*counter.ids, 5)
    assert counter.sell().delivery == "sent"
    assert counter.standing.in_flight is None


def test_a_token_is_kept_untried_while_the_operator_is_away(counter: Counter) -> None:
    with counter.operator_away():
        checked = connecting.change_token(*counter.ids, 5)
    assert checked.result_code is None
    assert counter.standing.token == 5


def test_a_token_is_changed_while_somebody_holds_the_till(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "WAIT_S", 0)
    with counter.operator_away():
        counter.sell()
    assert issuing.hold(*counter.ids, 1, 60)
    assert connecting.change_token(*counter.ids, TOKEN).is_well
    assert counter.standing.in_flight == 1


def test_a_register_without_an_operator_has_no_token_to_change(database: Settings) -> None:
    shop = found_shop("kz", host=None)
    with pytest.raises(NotConnected):
        connecting.change_token(shop.id, shop.register_id, 5)


# Asking


def test_a_connection_that_works_says_so(counter: Counter) -> None:
    counter.sell()
    assert connecting.check_connection(*counter.ids).is_well
    assert counter.standing.in_flight is None
    assert counter.sell().delivery == "sent"


def test_a_connection_says_what_is_wrong_with_it(counter: Counter, mischief: Mischief) -> None:
    with counter.operator_away():
        assert connecting.check_connection(*counter.ids).reason == "refused"
    counter.operator.reset_token(DEVICE, 555)
    assert connecting.check_connection(*counter.ids).result_code == 2
    assert counter.standing.in_flight is None


def test_asking_ends_a_block_that_is_over(counter: Counter) -> None:
    issuing.record_refusal(*counter.ids, 0, at=clock.now(), code=15, text="", blocks=True)
    assert counter.standing.blocked_code == 15
    assert connecting.check_connection(*counter.ids).is_well
    assert counter.standing.blocked_code is None


def test_nobody_asks_while_a_document_is_on_its_way(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "WAIT_S", 0)
    with counter.operator_away():
        counter.sell()
    assert issuing.hold(*counter.ids, 1, 60)
    with pytest.raises(TillBusy):
        connecting.check_connection(*counter.ids)


def test_whoever_died_while_asking_keeps_nobody(counter: Counter) -> None:
    assert issuing.hold(*counter.ids, connecting.QUESTION, -1)
    assert counter.sell().delivery == "sent"


def test_a_register_that_streams_is_not_asked_about(database: Settings) -> None:
    with transaction() as session:
        point = factories.point(session, factories.organisation(session))
        register = factories.register(session, point)
        ids = register.organisation_id, register.id
    with pytest.raises(NotACloudTill):
        connecting.check_connection(*ids)


# Again


def test_a_refused_document_is_sent_again_by_hand(counter: Counter, mischief: Mischief) -> None:
    counter.sell()
    with counter.operator_away():
        counter.sell()
        counter.sell()
    mischief.switch_on("code_11", times=REFUSALS_MAX)
    for _ in range(REFUSALS_MAX):
        counter.deliver()
    assert counter.deliveries() == {1: "sent", 2: "refused", 3: "sent"}
    connecting.send_again(*counter.ids, 2)
    counter.deliver()
    assert counter.deliveries()[2] == "sent"
    assert not counter.standing.is_autonomous
    assert counter.sell().delivery == "sent"


@pytest.mark.parametrize("number", [1, 404])
def test_only_what_was_refused_is_sent_again(counter: Counter, number: int) -> None:
    counter.sell()
    with pytest.raises(NothingToSend):
        connecting.send_again(*counter.ids, number)
