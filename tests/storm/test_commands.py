"""What a storm asks for is random, the same for the same seed, and sensible often enough."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest

from portal.fiscal.commands import Annul, Command, MoveCash, OpenShift, Refund
from portal.fiscal.dialects import dialect_of
from portal.fiscal.register import issue, new_register
from portal.primitives.refusals import Refusal
from portal.storm.commands import command_for, settings_for

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def _asked(seed: str, country: str, count: int) -> list[Command]:
    chance = Random(seed)
    return [command_for(chance, country, [1, 2, 3]) for _ in range(count)]


def test_the_same_seed_asks_for_the_same() -> None:
    assert _asked("1", "kz", 200) == _asked("1", "kz", 200)
    assert _asked("1", "kz", 200) != _asked("2", "kz", 200)


def test_everything_is_asked_for_but_annulments_only_where_the_country_has_them() -> None:
    belarus, kazakhstan = (
        Counter(type(command).__name__ for command in _asked("1", country, 600)) for country in ("by", "kz")
    )
    assert set(belarus) == {"Receipt", "Refund", "Annul", "MoveCash", "TakeReport", "CloseShift"}
    assert set(kazakhstan) == set(belarus) - {"Annul"}


def test_without_a_receipt_to_take_back_nothing_is_taken_back() -> None:
    chance = Random(1)
    assert not any(isinstance(command_for(chance, "by", []), Refund | Annul) for _ in range(300))


def test_some_withdrawals_are_too_large_and_some_are_not() -> None:
    sums = {command.sum_minor for command in _asked("1", "kz", 600) if isinstance(command, MoveCash)}
    assert min(sums) < 10_000
    assert max(sums) > 30_000_000


@pytest.mark.parametrize("country", ["by", "kz"])
def test_a_register_does_most_of_what_it_is_asked(country: str) -> None:
    chance, dialect = Random(1), dialect_of(country)
    register = new_register("STORM1", dialect, registration_number="000000000001")
    settings = settings_for(chance, "230840000000")
    if country == "by":
        register, _ = issue(register, settings, OpenShift(cashier="Ганна К."), AT, dialect)
    done: Counter[str] = Counter()
    for _ in range(400):
        command = command_for(chance, country, [])
        if type(command).__name__ == "CloseShift":
            continue
        try:
            register, _ = issue(register, settings, command, AT, dialect)
        except Refusal as refusal:
            done[refusal.code] += 1
        else:
            done["done"] += 1
    assert done["done"] > 300, done
