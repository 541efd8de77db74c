"""A register of Kazakhstan against the model: shifts open by themselves, operators vanish, rates change at New Year."""

from datetime import UTC, datetime

from portal.fiscal.dialects import KAZAKHSTAN
from tests.fiscal import model
from tests.fiscal.machine import PROFILE, RegisterMachine


class Machine(RegisterMachine):
    country = model.KAZAKHSTAN
    dialect = KAZAKHSTAN
    beginnings = (datetime(2025, 12, 31, 5, tzinfo=UTC), datetime(2026, 11, 20, 4, tzinfo=UTC))


TestARegisterOfKazakhstan = Machine.TestCase
TestARegisterOfKazakhstan.settings = PROFILE
