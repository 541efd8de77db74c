"""Operators and registers for the tests of the link."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.ofd.simulator.testing import TestOperator, running_operator
from tests.ofd.caller import Caller


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[TestOperator]:
    """An operator of fiscal data that listens, with nothing on record."""
    with running_operator(tmp_path) as running:
        yield running


@pytest.fixture
def caller(simulator: TestOperator) -> Caller:
    """A register that is on record."""
    return Caller(simulator).put_on_record()
