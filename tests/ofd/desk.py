"""Cloud tills on a real line to the operator: what the tests of delivery stand at."""

from dataclasses import dataclass

from portal.db import transaction
from portal.fiscal.commands import RegisterSettings
from portal.fiscal.dialects import dialect_of
from portal.fiscal.register import new_register
from portal.journal.tills import create_till
from portal.ofd.simulator.testing import TestOperator
from tests import factories
from tests.journal.tills import MORNING

FIRST_DEVICE = 203_601
TOKEN = 90_127_062
SELLER = "123456789021"


@dataclass(frozen=True)
class Desk:
    """A company with tills that its operator has on record."""

    id: int
    register_ids: tuple[int, ...]
    factory_numbers: tuple[str, ...]
    devices: tuple[int, ...]

    @property
    def till(self) -> tuple[int, int]:
        """The first till: organisation and register."""
        return self.id, self.register_ids[0]

    @property
    def device(self) -> int:
        return self.devices[0]


def found_desk(
    operator: TestOperator,
    country: str = "kz",
    count: int = 1,
    *,
    settings: RegisterSettings | None = None,
    token: int = TOKEN,
    port: int | None = None,
) -> Desk:
    """Found a company with tills and put them on the operator's record."""
    kept = settings or RegisterSettings(tax_id=SELLER)
    is_kazakh = country == "kz"
    with transaction() as session:
        company = factories.organisation(session, country=country, tax_id=SELLER)
        point = factories.point(session, company)
        registers = [factories.register(session, point) for _ in range(count)]
        for place, register in enumerate(registers):
            register.registration_number = f"{32_600_010_282 + place:012d}"
            session.flush()
            state = new_register(
                register.factory_number,
                dialect_of(country),
                registration_number=register.registration_number,
            )
            create_till(
                session,
                company.id,
                register.id,
                state,
                kept,
                at=MORNING,
                operator_host=operator.host,
                operator_port=port or (operator.port if is_kazakh else operator.belarus_port),
                operator_device=FIRST_DEVICE + place if is_kazakh else None,
                token=TOKEN if is_kazakh else None,
            )
        desk = Desk(
            company.id,
            tuple(register.id for register in registers),
            tuple(register.factory_number for register in registers),
            tuple(FIRST_DEVICE + place for place in range(count)),
        )
    for place, factory_number in enumerate(desk.factory_numbers):
        if is_kazakh:
            operator.register(
                desk.devices[place], token, f"{32_600_010_282 + place:012d}", factory_number, tax_id=SELLER
            )
        else:
            operator.register(factory_number, country="by")
    return desk
