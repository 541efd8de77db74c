"""The catalogue of refusals: one name each, and a status that says whose move it is."""

import inspect

from portal.fiscal import rules
from portal.primitives.refusals import Refusal

REFUSALS = [
    refusal
    for _, refusal in inspect.getmembers(rules, inspect.isclass)
    if issubclass(refusal, Refusal) and refusal is not Refusal
]


def test_every_refusal_is_named_by_its_class() -> None:
    for refusal in REFUSALS:
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in refusal.__name__)
        assert refusal.code == "fiscal." + words.removeprefix("_")


def test_every_refusal_tells_its_facts() -> None:
    assert all("Facts: " in (refusal.__doc__ or "") for refusal in REFUSALS)


def test_what_cannot_be_is_told_apart_from_what_cannot_be_now() -> None:
    assert {refusal.status for refusal in REFUSALS} == {404, 409, 422}
    assert rules.LineInvalid.status == rules.NotEnoughMoney.status == 422
    assert rules.ShiftTooLong.status == rules.NotEnoughCash.status == 409
    assert rules.OriginalNotFound.status == 404
