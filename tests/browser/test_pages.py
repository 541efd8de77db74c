"""Every page in both themes on a desk and on a phone: nothing refused, nothing inaccessible, nothing too wide."""

import subprocess
from pathlib import Path

import pytest

from portal.config import ROOT
from tests.browser.conftest import (
    ACCOUNTANT,
    ADMINISTRATOR,
    CASHIER,
    KAZAKH_OWNER,
    OWNER,
    Visit,
)
from tests.browser.world import LINKED, LINKED_BY, NEWCOMER, NOBODY

# A name for the picture, who looks, the address, what has to be seen.
PAGES = [
    ("sign-in", None, "/sign-in", "#form"),
    ("company", OWNER, "/company", ".card-company"),
    ("company-none", NOBODY, "/company", ".blank"),
    ("home", OWNER, "/", ".kpi-main"),
    ("home-kz", KAZAKH_OWNER, "/", ".kpi-main"),
    ("home-empty", NEWCOMER, "/", ".blank"),
    ("documents", ACCOUNTANT, "/documents/", "[data-row]"),
    ("documents-none", ACCOUNTANT, "/documents/?search=404404404", ".blank"),
    ("documents-empty", NEWCOMER, "/documents/", ".blank"),
    ("stream", ADMINISTRATOR, "/stream/", "[data-row]"),
    ("stream-quarantine", ADMINISTRATOR, "/stream/?tab=quarantine", ".panel"),
    ("stream-gaps", ADMINISTRATOR, "/stream/?tab=gaps", ".panel"),
    ("stream-remarks", ADMINISTRATOR, "/stream/?tab=remarks", ".panel"),
    ("home-linked", LINKED, "/", ".kpi-main"),
    ("operator", LINKED, "/operator/", "[data-row]"),
    ("operator-by", LINKED_BY, "/operator/", "[data-row]"),
    ("operator-empty", NEWCOMER, "/operator/", ".blank"),
    ("operator-differences", LINKED, "/operator/?tab=differences", "[data-row]"),
    ("operator-differences-empty", NEWCOMER, "/operator/?tab=differences", ".blank"),
]
REFUSALS = [
    ("error-403", CASHIER, "/stream/", "403"),
    ("error-404", OWNER, "/nowhere", "404"),
    ("error-404-stranger", None, "/nowhere", "404"),
    ("error-422", OWNER, "/documents/?register=x", "422"),
]
WIDTHS = [1440, 390]
DESK_AND_PHONE = [(1440, "light"), (390, "dark")]
FIRST = {"sign-in", "home", "documents"}
LOOKS = [
    (*page, width, theme)
    for width, theme in [*DESK_AND_PHONE, (1440, "dark"), (390, "light")]
    for page in PAGES
    if page[0] in FIRST or (width, theme) in DESK_AND_PHONE
]


@pytest.mark.parametrize(("name", "who", "path", "sight", "width", "theme"), LOOKS)
def test_page_is_whole_accessible_and_still(
    visit: Visit, name: str, who: str | None, path: str, sight: str, width: int, theme: str
) -> None:
    seen = visit(path, who, width=width, theme=theme, shared=True)
    seen.page.wait_for_selector(sight)
    seen.page.wait_for_load_state("networkidle") if who is None else seen.page.wait_for_timeout(400)
    seen.shot(f"{name}-{width}-{theme}")
    assert seen.violations() == []
    assert seen.shift() < 0.01
    seen.check()


@pytest.mark.parametrize(("width", "theme"), DESK_AND_PHONE)
def test_an_open_document_is_whole_and_accessible(visit: Visit, width: int, theme: str) -> None:
    seen = visit("/documents/?kind=sale", OWNER, width=width, theme=theme)
    seen.page.locator("[data-row] [data-open]").nth(2).click()
    seen.page.wait_for_selector(".paper-qr")
    seen.shot(f"document-{width}-{theme}")
    assert seen.violations() == []
    # The same at an address of its own, for printing.
    key = seen.page.url.rpartition("document=")[2].replace("-", "/")
    alone = visit(f"/documents/{key}", OWNER, width=width, theme=theme)
    alone.page.wait_for_selector(".paper")
    assert alone.violations() == []


@pytest.mark.parametrize(("width", "theme"), DESK_AND_PHONE)
@pytest.mark.parametrize(
    ("name", "who", "path", "place"),
    [
        *[(f"link-{place}", LINKED, "/operator/", place) for place in range(5)],
        ("link-by", LINKED_BY, "/operator/", 0),
        ("compared", LINKED, "/operator/?tab=differences&show=open", 0),
        ("compared-agreed", LINKED, "/operator/?tab=differences", 0),
    ],
)
def test_a_register_and_its_operator_are_whole_and_accessible(
    visit: Visit, name: str, who: str, path: str, place: int, width: int, theme: str
) -> None:
    seen = visit(path, who, width=width, theme=theme, shared=True)
    seen.page.locator("[data-row] [data-open]").nth(place).click()
    seen.page.wait_for_selector(".pairs")
    seen.page.wait_for_timeout(300)
    seen.shot(f"{name}-{width}-{theme}", whole=True)
    assert seen.violations() == []
    seen.check()


def test_a_document_in_quarantine_shows_its_bytes(visit: Visit) -> None:
    seen = visit("/stream/?tab=quarantine", ADMINISTRATOR)
    seen.page.locator("[data-row] [data-open]").first.click()
    seen.page.wait_for_selector("pre.raw")
    seen.shot("quarantined-1440-light")
    assert seen.violations() == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "who", "path", "code"), REFUSALS)
def test_a_refusal_is_a_page_of_its_own(
    visit: Visit, name: str, who: str | None, path: str, code: str, width: int
) -> None:
    seen = visit(path, who, width=width, shared=True)
    seen.expect(f"status of {code}")
    assert code in seen.page.inner_text(".error-code")
    assert seen.page.inner_text(".error-page h1")
    seen.shot(f"{name}-{width}")
    assert seen.violations() == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", ["kk", "be", "en"])
def test_other_languages_fit(visit: Visit, language: str, width: int) -> None:
    try:
        for name, path, sight in (("home", "/", ".kpi-main"), ("documents", "/documents/", "[data-row]")):
            seen = visit(
                path, KAZAKH_OWNER if language == "kk" else OWNER, width=width, language=language, shared=True
            )
            seen.page.wait_for_selector(sight)
            assert seen.page.get_attribute("html", "lang") == language
            seen.page.wait_for_timeout(300)
            seen.shot(f"{name}-{width}-{language}")
            seen.check()
        door = visit("/sign-in", None, width=width, language=language)
        door.shot(f"sign-in-{width}-{language}")
        door.check()
    finally:
        visit("/", OWNER, language="ru")


@pytest.mark.parametrize("width", [768, 1024, 2560])
def test_widths_between_and_beyond_fit(visit: Visit, width: int) -> None:
    for name, path, sight in (("home", "/", ".kpi-main"), ("documents", "/documents/", "[data-row]")):
        seen = visit(path, OWNER, width=width, shared=True)
        seen.page.wait_for_selector(sight)
        seen.page.wait_for_timeout(500)
        seen.shot(f"{name}-{width}")
        seen.check()


def test_the_html_of_every_page_is_valid(visit: Visit, tmp_path: Path) -> None:
    looks = [*PAGES, *REFUSALS]
    readers = {who: visit("/sign-in" if who is None else "/company", who) for _, who, _, _ in looks}
    for name, who, path, _ in looks:
        answer = readers[who].page.request.get(visit.portal.address + path)
        (tmp_path / f"{name}.html").write_text(answer.text(), encoding="utf-8")
    done = subprocess.run(
        [
            str(ROOT / "node_modules" / ".bin" / "html-validate"),
            "--config",
            str(Path(__file__).parent / "htmlvalidate.json"),
            *map(str, sorted(tmp_path.glob("*.html"))),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
