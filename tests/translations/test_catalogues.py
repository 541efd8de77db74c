"""Every sentence of the interface exists in every language, and no Russian is left where another language should be."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from portal.config import ROOT

CATALOGUES = ROOT / "portal" / "translations"
LANGUAGES = ("kk", "be", "en")
KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None}
CYRILLIC = re.compile("[а-яёА-ЯЁ]")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|(\{\})")

Forms = tuple[str, ...]


@cache
def written() -> dict[str, Forms]:
    """What the sources say: the Russian singular to all the forms that the source itself gives."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found: dict[str, Forms] = {}
    for folder in ("portal", "templates"):
        # babel.cfg names paths from the root; extraction below one folder keeps node_modules and .venv out.
        local = [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in methods]
        given = {pattern.removeprefix(f"{folder}/"): option for pattern, option in options.items()}
        for _, _, message, _, _ in extract_from_dir(str(ROOT / folder), local, given, keywords=KEYWORDS):
            forms = (message,) if isinstance(message, str) else tuple(message)
            found[forms[0]] = max(found.get(forms[0], ()), forms, key=len)
    return found


@cache
def catalogue(language: str) -> Catalog:
    path = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def translations(language: str) -> Iterator[tuple[Forms, Forms]]:
    """Each message of a catalogue as (source forms, translated forms)."""
    for message in catalogue(language):
        if message.id:
            source = (message.id,) if isinstance(message.id, str) else tuple(message.id)
            target = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
            yield source, target


def placeholders(text: str) -> set[str]:
    return {found[1] or found[2] for found in PLACEHOLDER.finditer(text)}


def test_sources_have_sentences() -> None:
    assert len(written()) > 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_and_none_is_stale(language: str) -> None:
    known = {source[0] for source, _ in translations(language)}
    assert sorted(set(written()) - known) == [], "missing"
    assert sorted(known - set(written())) == [], "no longer said anywhere"
    assert [source[0] for source, target in translations(language) if not all(target)] == [], "empty"


@pytest.mark.parametrize("language", ["ru", *LANGUAGES])
def test_nothing_is_fuzzy_or_obsolete(language: str) -> None:
    assert [message.id for message in catalogue(language) if message.id and message.fuzzy] == []
    assert list(catalogue(language).obsolete) == []


def test_russian_has_all_its_plural_forms() -> None:
    plurals = {source: forms for source, forms in written().items() if len(forms) > 1}
    given = {source[0]: target for source, target in translations("ru")}
    assert sorted(given) == sorted(plurals)
    assert [source for source, target in given.items() if len(target) != 3 or not all(target)] == []


@pytest.mark.parametrize("language", ["ru", *LANGUAGES])
def test_plurals_have_as_many_forms_as_the_language(language: str) -> None:
    wanted = catalogue(language).num_plurals
    assert [s[0] for s, target in translations(language) if len(s) > 1 and len(target) != wanted] == []


@pytest.mark.parametrize("language", ["ru", *LANGUAGES])
def test_translations_keep_the_places_for_facts(language: str) -> None:
    wrong = [
        (source[0], form)
        for source, target in translations(language)
        for form in target
        if placeholders(form) != placeholders(source[0])
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_begin_and_end_as_the_source_does(language: str) -> None:
    def ending(text: str) -> str:
        return text[-1] if text[-1] in ".:…?" else ""

    wrong = [
        (source[0], form)
        for source, target in translations(language)
        for form in target[-1:]
        if ending(form) != ending(source[-1]) or form != form.strip()
    ]
    assert wrong == []


def test_english_has_no_cyrillic() -> None:
    assert [target for _, target in translations("en") if CYRILLIC.search("".join(target))] == []


def test_belarusian_has_no_letters_that_only_russian_has() -> None:
    wrong = [target for _, target in translations("be") if re.search("[ищъИЩЪ]", "".join(target))]
    assert wrong == []


def test_kazakh_sentences_are_kazakh() -> None:
    """Of four words or more, one has a letter that Russian does not."""
    own = re.compile("[әғқңөұүһі]", re.IGNORECASE)
    words = re.compile(r"[^\W\d_]+")
    wrong = [
        target
        for _, target in translations("kk")
        if len([w for w in words.findall(PLACEHOLDER.sub("", target[0])) if CYRILLIC.search(w)]) > 3
        and not own.search(target[0])
    ]
    assert wrong == []


def test_templates_say_nothing_in_russian_outside_of_gettext() -> None:
    environment = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)
    left: list[str] = []
    for path in sorted((ROOT / "templates").rglob("*.html")):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        asked = {
            id(argument)
            for call in tree.find_all(nodes.Call)
            if isinstance(call.node, nodes.Name) and call.node.name in {"_", "gettext", "ngettext"}
            for argument in call.args
        }
        left += [
            f"{path.name}:{text.lineno}: {text.data.strip()}"
            for text in tree.find_all(nodes.TemplateData)
            if CYRILLIC.search(text.data)
        ]
        left += [
            f"{path.name}:{text.lineno}: {text.value}"
            for text in tree.find_all(nodes.Const)
            if isinstance(text.value, str) and CYRILLIC.search(text.value) and id(text) not in asked
        ]
    assert left == []


def test_no_sentence_hides_inside_an_f_string() -> None:
    """Extraction does not look into them before Python 3.12, and a sentence cut in parts cannot be translated."""
    hidden = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / "portal").rglob("*.py"))
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {"_", "gettext", "lazy_gettext", "ngettext"}
    ]
    assert hidden == []


def test_scripts_say_nothing_by_themselves() -> None:
    scripts = sorted((ROOT / "static").glob("*.js"))
    assert scripts
    assert [path.name for path in scripts if CYRILLIC.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("language", ["ru", *LANGUAGES])
def test_catalogues_are_plain_text_without_dates(language: str) -> None:
    """A header with a date would change with every run and say nothing."""
    path: Path = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
    head = path.read_text(encoding="utf-8").partition("\n\n")[0]
    assert "Date" not in head
    assert f'"Language: {language}\\n"' in head
    assert all(character in string.printable for character in head)
