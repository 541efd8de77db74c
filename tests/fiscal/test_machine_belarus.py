"""A register of Belarus against the model: shifts open by command, receipts are annulled, no operator is asked."""

from datetime import UTC, datetime

from portal.fiscal.dialects import BELARUS
from tests.fiscal import model
from tests.fiscal.machine import PROFILE, RegisterMachine


class Machine(RegisterMachine):
    country = model.BELARUS
    dialect = BELARUS
    beginnings = (datetime(2025, 12, 31, 5, tzinfo=UTC), datetime(2026, 11, 20, 4, tzinfo=UTC))


TestARegisterOfBelarus = Machine.TestCase
TestARegisterOfBelarus.settings = PROFILE
