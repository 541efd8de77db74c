"""Issuing: what is stored with a receipt, what a key means, and whose till it is."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from portal.config import Settings
from portal.db import transaction
from portal.journal import issuing
from tests.journal.tills import MORNING, Shop, after, found_shop, opening, sale


@pytest.fixture
def shop(database: Settings) -> Shop:
    return found_shop("kz")


def test_a_sale_is_stored_with_its_state_and_its_place_in_the_chain(shop: Shop) -> None:
    issued = issuing.issue(shop.id, shop.register_id, sale(), at=MORNING)
    assert issued.document.number == 1
    standing = issuing.read_standing(shop.id, shop.register_id)
    assert standing.register.number == 1
    assert standing.sequence == 1
    assert standing.register.cash_minor == 30_000
