"""Cloud registers in every state they can be in with their operator, for pictures: two shops, a real operator, mischief.

The operator is gone afterwards; what it said stays.
"""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import text

from portal.analytics.following import follow_register
from portal.db import transaction
from portal.fiscal.commands import Command, MoveCash, OpenShift, RegisterSettings, TakeReport
from portal.fiscal.dialects import dialect_of
from portal.fiscal.register import new_register
from portal.journal.issuing import create_till, set_operator
from portal.ofd import actions
from portal.ofd.actions import OperatorRefused
from portal.ofd.delivering import deliver_register
from portal.ofd.simulator.testing import TestOperator, running_operator
from portal.orgs.actions import add_point, create_organisation, set_membership
from portal.primitives import clock
from portal.registers.actions import add_register
from portal.registers.models import Register
from tests.journal.tills import CASHIER, sale

KAZAKH = ("ТОО «Линия»", "kz", "190440099901", "Asia/Almaty", "Алматы, Абая, 10")
BELARUSIAN = ("ООО «Линия»", "by", "191111113", "Europe/Minsk", "Минск, Немига, 5")
PATIENCE_S = 20.0


def link(kazakh_id: int, belarusian_id: int) -> None:
    """Found both shops, each for its owner."""
    with TemporaryDirectory() as directory, running_operator(Path(directory)) as operator:
        for ids in [*_kazakh(operator, kazakh_id), *_belarusian(operator, belarusian_id)]:
            follow_register(*ids)


def _found(
    company: tuple[str, str, str, str, str], person_id: int, count: int, operator: TestOperator
) -> list[tuple[int, int]]:
    name, country, tax_id, zone, address = company
    now = clock.now() - timedelta(hours=9)
    with transaction() as session:
        shop = create_organisation(session, name=name, country=country, tax_id=tax_id, at=now)
        point = add_point(
            session, shop.id, name=address.split(", ", 1)[1], address=address, zone=zone, at=now
        )
        set_membership(session, shop.id, person_id, role="owner", at=now)
        registers: list[Register] = []
        for place in range(count):
            made = add_register(
                session, shop.id, point_id=point.id, name=f"Касса {place + 1}", factory_number=f"{country.upper()}L{place + 1:05}",
                registration_number=f"03260001{place:04}", at=now,
            )  # fmt: skip
            state = new_register(made.factory_number, dialect_of(country))
            create_till(session, shop.id, made.id, state, RegisterSettings(tax_id=tax_id), at=now)
            registers.append(made)
    is_kazakh = country == "kz"
    for place, register in enumerate(registers):
        device = 500_001 + place
        if is_kazakh:
            operator.register(device, device)
        else:
            operator.register(register.factory_number, country="by")
        set_operator(
            shop.id, register.id, host=operator.host, port=operator.port if is_kazakh else operator.belarus_port,
            device=device if is_kazakh else None, token=device if is_kazakh else None, at=now,
        )  # fmt: skip
    return [(shop.id, register.id) for register in registers]


def _do(ids: tuple[int, int], *commands: Command) -> None:
    for command in commands:
        with suppress(OperatorRefused):
            actions.issue_document(*ids, command, deadline_s=PATIENCE_S)


def _kazakh(operator: TestOperator, person_id: int) -> list[tuple[int, int]]:
    well, lost, blocked, refusing, token = _found(KAZAKH, person_id, 5, operator)
    mischief = operator.mischief
    # Agreed; then the operator loses a receipt that it had answered.
    _do(well, sale(), MoveCash(cashier=CASHIER, sum_minor=500_000), TakeReport(cashier=CASHIER))
    with transaction(well[0]) as session:
        session.execute(
            text(
                "update reconciliation set differences = cast(:found as jsonb) where organisation_id = :o and register_id = :r"
            ),
            {
                "o": well[0],
                "r": well[1],
                "found": '[{"figure": "cash", "ours": 530000, "theirs": 500000}, {"figure": "sale.count", "ours": 1, "theirs": 0},'
                ' {"figure": "section.1.sale.sum", "ours": 30000, "theirs": 0},'
                ' {"figure": "tax.1600.sale", "ours": 4138, "theirs": 0}]',
            },
        )
    _do(well, sale(), TakeReport(cashier=CASHIER))
    # Lost, since seven hours as its owner sees it.
    mischief.switch_on("reset", device=500_002)
    _do(lost, sale(), sale(12_300), sale(99_999, card=True))
    deliver_register(*lost, timeout_s=PATIENCE_S)
    with transaction(lost[0]) as session:
        session.execute(
            text(
                "update cloud_till set autonomous_since = autonomous_since - interval '7 hours 20 minutes' where register_id = :r"
            ),
            {"r": lost[1]},
        )
    mischief.switch_off()
    operator.block(500_003)
    _do(blocked, sale())
    # A report that the operator refuses for good.
    _do(refusing, sale())
    mischief.switch_on("code_11", device=500_004)
    _do(refusing, TakeReport(cashier=CASHIER))
    for _ in range(5):
        deliver_register(*refusing, timeout_s=PATIENCE_S, is_forced=True)
    mischief.switch_off()
    deliver_register(*refusing, timeout_s=PATIENCE_S, is_forced=True)
    operator.reset_token(500_005, 7)
    _do(token, sale())
    deliver_register(*token, timeout_s=PATIENCE_S, is_forced=True)
    return [well, lost, blocked, refusing, token]


def _belarusian(operator: TestOperator, person_id: int) -> list[tuple[int, int]]:
    well, waiting = _found(BELARUSIAN, person_id, 2, operator)
    _do(well, OpenShift(cashier=CASHIER), sale())
    deliver_register(*well, timeout_s=PATIENCE_S)
    _do(waiting, OpenShift(cashier=CASHIER), sale(), sale(7_770))
    return [well, waiting]
