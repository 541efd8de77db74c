"""What a till is told: every reason has its words, and the words name facts that the reason really has."""

import inspect
import re
from typing import Any

import pytest
from flask import Flask

from portal.fiscal import rules
from portal.fiscal.commands import BasketLine, ModifierUnit, Taken
from portal.primitives.refusals import Refusal
from portal.web import i18n, words, words_fiscal

REASONS = [
    reason
    for _, reason in inspect.getmembers(rules, inspect.isclass)
    if issubclass(reason, Refusal) and reason is not Refusal
]
CODES = [reason.code for reason in REASONS]


def said(app: Flask, code: str, facts: dict[str, Any], language: str = "ru") -> str:
    with app.test_request_context("/"):
        i18n.prefer(language, "auto")
        return words.sentence(code, facts)


def names(sentence: object) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", str(sentence)))


@pytest.mark.parametrize("reason", REASONS, ids=CODES)
def test_every_reason_of_the_engine_has_a_sentence_and_a_next_action(reason: type[Refusal]) -> None:
    sentence, step = words_fiscal.REFUSALS[reason.code]
    assert str(sentence).endswith(".")
    assert str(step).endswith(".")


@pytest.mark.parametrize("reason", REASONS, ids=CODES)
def test_sentences_name_no_fact_that_the_reason_does_not_have(reason: type[Refusal]) -> None:
    assert reason.__doc__
    known = set(re.findall(r"`(\w+)`", reason.__doc__.partition("Facts:")[2]))
    sentence, step = words_fiscal.REFUSALS[reason.code]
    assert names(sentence) | names(step) <= known
    assert names(words_fiscal.OF_RECEIPT.get(reason.code, "")) <= known - {"line"}


def test_a_reason_about_the_whole_receipt_speaks_of_no_position(app: Flask) -> None:
    of_both = {reason.code for reason in REASONS if "0: the receipt" in (reason.__doc__ or "")}
    assert of_both == set(words_fiscal.OF_RECEIPT) - {"fiscal.line_invalid"}
    facts = {"discount_minor": 1500, "from_minor": 1000}
    assert (
        said(app, "fiscal.discount_too_large", {"line": 0, **facts})
        == "Скидка на чек 15,00 больше суммы 10,00, с которой её берут."
    )
    assert (
        said(app, "fiscal.discount_too_large", {"line": 2, **facts})
        == "Позиция 2: скидка 15,00 больше суммы 10,00, с которой её берут."
    )


def test_a_field_is_called_by_its_name_and_not_by_its_word(app: Flask) -> None:
    assert (
        said(app, "fiscal.line_invalid", {"line": 3, "field": "quantity_milli"})
        == "Позиция 3: количество не подходит."
    )
    assert "the bar code (GTIN)" in said(app, "fiscal.line_invalid", {"line": 3, "field": "barcode"}, "en")
    assert "quux" in said(app, "fiscal.line_invalid", {"line": 3, "field": "quux"})
    # Forms have fields of the same name, and a word of their own for them.
    assert "«unit»" in said(app, "bad_input", {"field": "unit", "value": "x"})


def test_every_field_of_a_position_has_a_name() -> None:
    entered = set(BasketLine.__struct_fields__) | set(Taken.__struct_fields__)
    assert set(words_fiscal.FIELDS) <= entered
    flags = {name for name in entered if name.startswith("is_")}
    assert entered - flags - {"discount", "markup"} == set(words_fiscal.FIELDS)


def test_a_register_says_how_its_discounts_are_stated(app: Flask) -> None:
    assert set(words_fiscal.MODIFIER_UNITS) == {unit.value for unit in ModifierUnit}
    assert said(app, "fiscal.modifier_unit", {"line": 1, "unit": "percent"}).endswith("задаются в процентах.")
    assert said(app, "fiscal.modifier_unit", {"line": 0, "unit": "sum"}, "kk").startswith("Чекке жеңілдік")


def test_quantities_are_shown_as_people_write_them(app: Flask) -> None:
    facts = {"number": 7, "line": 1, "left_milli": 1500, "wanted_milli": 2000}
    assert said(app, "fiscal.more_than_left", facts) == "Чек № 7, позиция 1: вернуть хотят 2, а осталось 1,5."


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_answer_of_the_operator_has_a_name(app: Flask, language: str) -> None:
    assert set(words_fiscal.RESULTS) == {*range(19), 254, 255}
    with app.test_request_context("/"):
        i18n.prefer(language, "auto")
        shown = {words_fiscal.operator_result(code) for code in words_fiscal.RESULTS}
        assert len(shown) == len(words_fiscal.RESULTS)
        assert "77" in words_fiscal.operator_result(77)


def test_the_operators_own_words_are_quoted_where_they_say_more(app: Flask) -> None:
    with app.test_request_context("/"):
        i18n.prefer("ru", "auto")
        name = "Недостаточно наличных в кассе"
        assert words_fiscal.operator_result(14) == name
        assert words_fiscal.operator_result(14, name.upper()) == name
        assert words_fiscal.operator_result(14, "") == name
        assert words_fiscal.operator_result(14, "нет 5 тенге") == f"{name} («нет 5 тенге»)"
        assert said(app, "ofd.blocked", {"result_code": 15, "text": None}) == (
            "Оператор заблокировал кассу: Касса заблокирована (код 15)."
        )
