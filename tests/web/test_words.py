"""Every code that the portal can say no with has words, in every language, and the words take its facts."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import pytest
from flask import Flask

import portal
from portal.fiscal import checks
from portal.fiscal.documents import Kind
from portal.ingest import checking, drain, recognition
from portal.orgs.access import ROLES
from portal.primitives.refusals import Refusal
from portal.web import errors, i18n, words


def every_refusal() -> Iterator[type[Refusal]]:
    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting = [Refusal]
    while waiting:
        refusal = waiting.pop()
        yield refusal
        waiting.extend(refusal.__subclasses__())


@pytest.mark.parametrize(
    "code", sorted({refusal.code for refusal in every_refusal()} | set(errors.CODES.values()))
)
def test_every_refusal_has_a_sentence_and_a_next_step(code: str) -> None:
    sentence, _next_step = words.REFUSALS[code]
    assert str(sentence)


def test_every_sentence_belongs_to_a_refusal_that_exists() -> None:
    said_by_errors = {*errors.CODES.values(), "stale_form", "unavailable", "broken"}
    assert set(words.REFUSALS) <= {refusal.code for refusal in every_refusal()} | said_by_errors


@pytest.mark.parametrize("code", checks.CODES)
def test_every_remark_has_a_sentence(code: str) -> None:
    assert str(words.REMARKS[code])


def test_every_code_that_a_drained_lane_gives_has_a_sentence() -> None:
    codes: dict[str, set[str]] = {"NewRemark": set(), "Refused": set()}
    sources = "\n".join(inspect.getsource(module) for module in (drain, recognition, checking))
    for node in ast.walk(ast.parse(sources)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in codes:
            codes[node.func.id] |= {
                argument.value
                for argument in node.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            }
    assert {"previous_mismatch", "digest_mismatch"} <= codes["NewRemark"] <= set(words.REMARKS)
    found = {"unknown_register", "foreign_register", "register_removed"}
    assert codes["Refused"] | found == set(words.QUARANTINE)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_name_by_number_and_by_name(app: Flask, kind: Kind) -> None:
    with app.test_request_context("/"):
        assert words.kind_name(kind.value) == words.kind_name(kind.name.lower())


def test_every_role_has_a_name() -> None:
    assert set(words.ROLES) == set(ROLES)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_sentences_keep_their_facts_in_every_language(app: Flask, language: str) -> None:
    """A translation that loses a name, or makes one up, would show a dash where a figure belongs."""
    sentences = [
        *(sentence for pair in words.REFUSALS.values() for sentence in pair),
        *words.REMARKS.values(),
        *words.QUARANTINE.values(),
    ]
    with app.test_request_context("/"):
        i18n.prefer("ru", "auto")
        names = [_names(str(sentence)) for sentence in sentences]
    with app.test_request_context("/"):
        i18n.prefer(language, "auto")
        assert [_names(str(sentence)) for sentence in sentences] == names
        for sentence in sentences:
            assert "%(" not in str(sentence) % dict.fromkeys(_names(str(sentence)), "x")


def _names(sentence: str) -> list[str]:
    return sorted(re.findall(r"%\((\w+)\)s", sentence))


def test_facts_are_shown_as_people_read_them(app: Flask) -> None:
    with app.test_request_context("/"):
        shown = words.remark("lines_total", {"total_minor": 1_458_000, "expected_minor": 1_450_050})
        assert shown == "Итог 14\u202f580,00, а по строкам и скидкам 14\u202f500,50."
        shown = words.remark("clock_back", {"issued_at": "2026-01-02T03:04:05+00:00", "previous_at": None})
        assert shown == "Документ от 02.01.2026, 03:04\u00a0UTC, а предыдущий от —: время пошло назад."
        assert words.remark("basis_missing", {"kind": "annulment"}).endswith(": Аннулирование.")


def test_a_fact_cannot_bring_a_sentence_down(app: Flask) -> None:
    with app.test_request_context("/"):
        assert "«—»" in words.sentence("bad_input", {})
        assert "%(value)s" in words.sentence("bad_input", {"value": "%(value)s", "field": "%d"})
        assert words.remark("shift_too_long", {"opened_at": "вчера", "issued_at": 5})


def test_codes_without_words_are_still_shown(app: Flask) -> None:
    with app.test_request_context("/"):
        assert words.sentence("something_new", {}) == "Портал отказал в этом действии."
        assert words.remark("something_new", {}) == "something_new"
        assert words.quarantine_reason("something_new", {}) == "something_new"
