"""What people do: by keyboard alone, without script, while the link comes and goes, with charts and filters."""

import re

import pyotp
from playwright.sync_api import expect

from portal.demo.people import PASSWORD
from tests.browser.conftest import ADMINISTRATOR, OWNER, Visit
from tests.browser.world import TYPIST

WIRE_BYTES_MAX = 150_000


def test_signs_in_and_reads_a_document_by_keyboard_alone(visit: Visit) -> None:
    seen = visit("/sign-in")
    page, keys = seen.page, seen.page.keyboard
    expect(page.locator("#login")).to_be_focused()
    keys.type(TYPIST)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Tab")
    expect(page.locator("[data-peek]")).to_be_focused()
    keys.press("Tab")
    keys.type(pyotp.TOTP(visit.portal.secrets[TYPIST]).now())
    keys.press("Enter")
    page.wait_for_selector(".choose")
    keys.press("Escape")
    # The first stop on a page leads past the navigation.
    keys.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    keys.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_walks_a_list_with_j_and_k_opens_with_enter_closes_with_escape(visit: Visit) -> None:
    seen = visit("/documents/?kind=sale", OWNER)
    page, keys = seen.page, seen.page.keyboard
    rows = page.locator("[data-row]")
    rows.first.wait_for()
    keys.press("j")
    keys.press("j")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    keys.press("k")
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    keys.press("Enter")
    page.wait_for_selector(".paper")
    assert "document=" in page.url
    # The address shows the same to a colleague.
    same = visit(page.url.removeprefix(visit.portal.address), OWNER)
    expect(same.page.locator(".paper pre")).to_have_text(page.locator(".paper pre").inner_text())
    keys.press("Escape")
    expect(page.locator(".paper")).to_have_count(0)
    assert "document=" not in page.url
    page.go_back()
    page.wait_for_selector(".paper")
    keys.press("/")
    expect(page.locator("[data-search]")).to_be_focused()


def test_menus_obey_arrows_and_escape(visit: Visit) -> None:
    seen = visit("/documents/", OWNER)
    page, keys = seen.page, seen.page.keyboard
    chip = page.locator("#filter-point > summary")
    chip.focus()
    keys.press("Enter")
    expect(page.locator("#filter-point")).to_have_attribute("open", "")
    keys.press("ArrowDown")
    expect(page.locator("#filter-point input").first).to_be_focused()
    keys.press("ArrowDown")
    expect(page.locator("#filter-point input").nth(1)).to_be_focused()
    keys.press("Escape")
    expect(page.locator("#filter-point")).not_to_have_attribute("open", "")
    expect(chip).to_be_focused()
    # Another menu closes the first, and so does a click elsewhere.
    chip.click()
    page.locator("#filter-kind > summary").click()
    assert page.locator("details[data-menu][open]").count() == 1
    page.locator("h1").click()
    assert page.locator("details[data-menu][open]").count() == 0


def test_a_question_mark_tells_the_keys(visit: Visit) -> None:
    seen = visit("/documents/", OWNER)
    seen.page.keyboard.press("Shift+Slash")
    expect(seen.page.locator("#keys")).to_have_attribute("open", "")
    assert seen.violations() == []
    seen.page.keyboard.press("Escape")
    expect(seen.page.locator("#keys")).not_to_have_attribute("open", "")


def test_a_filter_applies_at_once_and_stays_in_the_address(visit: Visit) -> None:
    seen = visit("/documents/", OWNER)
    page = seen.page
    page.locator("#filter-kind > summary").click()
    page.locator("#filter-kind input[value=z_report]").check()
    expect(page.locator("#filter-kind > summary")).to_have_class(re.compile("chip-set"))
    page.wait_for_url(re.compile("kind=z_report"))
    expect(page.locator("#filter-kind")).to_have_attribute("open", "")
    assert "Z-отч" in page.locator("[data-row]").first.inner_text()
    page.keyboard.press("Escape")
    page.locator(".chip-clear").click()
    page.wait_for_url(re.compile("/documents/$"))
    expect(page.locator(".chip-set")).to_have_count(0)


def test_a_new_document_appears_by_itself_and_figures_change(visit: Visit) -> None:
    listed, home = visit("/documents/", OWNER), visit("/", OWNER)
    turnover = home.page.locator("[data-figure=turnover]")
    before = turnover.inner_text()
    listed.page.locator("[data-row]").first.wait_for()
    number = visit.portal.sell()
    row = listed.page.locator("[data-row]").first
    expect(row).to_contain_text("77,77", timeout=10_000)
    expect(row).to_contain_text(str(number))
    expect(turnover).not_to_have_text(before, timeout=10_000)


def test_the_live_mark_says_when_the_link_is_lost(visit: Visit) -> None:
    seen = visit("/documents/", OWNER)
    seen.expect("ERR_INTERNET_DISCONNECTED")
    seen.expect("htmx:")
    mark = seen.page.locator("[data-live]")
    expect(mark).to_contain_text("обновлено")
    seen.page.context.set_offline(True)
    expect(mark).to_have_attribute("data-state", "lost", timeout=10_000)
    expect(mark).to_contain_text("нет связи")
    # What was asked for by hand is answered for beside it, not in a corner.
    seen.page.locator("[data-row] [data-open]").first.click()
    expect(seen.page.locator("#problem")).to_contain_text("Ничего не потеряно")
    seen.page.context.set_offline(False)
    expect(mark).to_have_attribute("data-state", "live", timeout=10_000)


def test_the_link_is_back_with_the_very_answer_that_brings_a_document(visit: Visit) -> None:
    seen = visit("/documents/", OWNER)
    seen.expect("ERR_INTERNET_DISCONNECTED")
    seen.expect("htmx:")
    mark = seen.page.locator("[data-live]")
    expect(mark).to_contain_text("обновлено")
    seen.page.context.set_offline(True)
    expect(mark).to_have_attribute("data-state", "lost", timeout=10_000)
    number = visit.portal.sell()
    seen.page.context.set_offline(False)
    expect(seen.page.locator("[data-row]").first).to_contain_text(str(number), timeout=10_000)
    # Well before the next question, which nothing new would answer.
    expect(mark).to_have_attribute("data-state", "live", timeout=2_000)


def test_a_chart_comes_after_the_first_paint_and_follows_the_theme(visit: Visit) -> None:
    seen = visit("/", OWNER)
    page = seen.page
    page.wait_for_selector(".chart-plot[data-drawn] .main-svg")
    loaded = page.evaluate(
        """() => [performance.getEntriesByName("first-contentful-paint")[0].startTime,
                 performance.getEntriesByType("resource").find((one) => one.name.includes("plotly")).startTime]"""
    )
    assert loaded[0] < loaded[1]
    line = page.locator(".chart-plot .scatterlayer path.js-line").last
    light = line.evaluate("(one) => getComputedStyle(one).stroke")
    page.locator(".top [data-menu]:has([data-theme-form]) > summary").click()
    page.locator(".top [data-theme-form] [value=dark]").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.wait_for_timeout(500)
    assert page.locator(".chart-plot .scatterlayer path.js-line").last.evaluate(
        "(one) => getComputedStyle(one).stroke"
    ) not in ("", light)
    # Remembered by the server, without a flash at the next visit.
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.locator(".top [data-menu]:has([data-theme-form]) > summary").click()
    page.locator(".top [data-theme-form] [value=auto]").click()
    # A point of the chart opens the documents behind it.
    page.wait_for_selector(".chart-plot[data-drawn] .main-svg")
    page.locator(".chart-plot").scroll_into_view_if_needed()
    box = page.locator(".chart-plot .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(".chart-plot .hoverlayer .legend, .chart-plot .hoverlayer .hovertext")
    seen.shot("chart-hover")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile("/documents/"))


def test_the_side_bar_remembers_being_narrow(visit: Visit) -> None:
    seen = visit("/documents/", OWNER)
    wide = seen.page.locator(".side").bounding_box()
    seen.page.locator("[data-nav-toggle]").click()
    seen.page.reload()
    narrow = seen.page.locator(".side").bounding_box()
    assert wide is not None
    assert narrow is not None
    assert narrow["width"] < 80 < wide["width"]
    assert seen.violations() == []
    seen.shot("narrow-side")


def test_on_a_phone_a_document_takes_the_place_of_the_list_and_gives_it_back(visit: Visit) -> None:
    seen = visit("/documents/?kind=sale", OWNER, width=390)
    page = seen.page
    page.locator("[data-row] [data-open]").nth(5).tap()
    page.wait_for_selector(".paper")
    expect(page.locator("[data-row]").first).to_be_hidden()
    page.locator("[data-escape]").tap()
    expect(page.locator("[data-row]").first).to_be_visible()
    # Filters are a sheet within reach of a thumb.
    page.locator("#filter-point > summary").tap()
    sheet = page.locator("#filter-point .menu-panel").bounding_box()
    assert sheet is not None
    assert round(sheet["y"] + sheet["height"]) == 844
    assert sheet["width"] == 390
    seen.shot("filter-sheet-390")


def test_targets_are_large_enough_for_a_finger(visit: Visit) -> None:
    for path in ("/", "/documents/"):
        seen = visit(path, OWNER, width=390)
        seen.page.wait_for_timeout(500)
        small = seen.page.evaluate(
            """() => [...document.querySelectorAll("button, summary, .btn, .dock-item, .chip, select, input:not([type=hidden])")]
              .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".unfold, details:not([open]) > div"))
              .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
              .filter(([, box]) => box.width > 1 && (box.height < 43.5 || box.width < 43.5)).map(([html]) => html)"""
        )
        assert small == []


def test_works_without_script(visit: Visit) -> None:
    seen = visit("/documents/?kind=sale", ADMINISTRATOR, java_script_enabled=False)
    page = seen.page
    page.locator("[data-row] [data-open]").first.click()
    expect(page.locator(".paper")).to_have_count(1)
    page.goto(visit.portal.address + "/documents/")
    page.locator("#filter-kind > summary").click()
    page.locator("#filter-kind input[value=z_report]").check()
    page.locator("#filter-kind button[type=submit]").click()
    page.wait_for_url(re.compile("kind=z_report"))
    expect(page.locator("[data-row]").first).to_contain_text("Z-отч")
    page.locator(".top [data-menu]").last.locator("summary").click()
    expect(page.get_by_role("button", name="Выйти")).to_be_visible()
    seen.complaints.clear()


def test_a_first_visit_is_light(visit: Visit) -> None:
    """HTML, CSS, fonts and htmx of the first pages weigh no more than 150 kB; Plotly comes afterwards."""
    weighed: dict[str, int] = {}
    for name, path, who, language in (
        ("sign-in", "/sign-in", None, "ru"),
        ("home", "/", OWNER, "ru"),
        ("home-kk", "/", OWNER, "kk"),
        ("documents", "/documents/", OWNER, "ru"),
    ):
        blank = visit("/health", who, language=language)
        blank.expect("404")  # the icon, which an answer for programs does not name
        session = blank.page.context.new_cdp_session(blank.page)
        session.send("Network.enable")
        session.send("Network.clearBrowserCache")
        kinds: dict[str, str] = {}
        bytes_of: dict[str, int] = {}
        session.on(
            "Network.responseReceived", lambda e, k=kinds: k.update({e["requestId"]: e["response"]["url"]})
        )
        session.on(
            "Network.loadingFinished",
            lambda e, b=bytes_of: b.update({e["requestId"]: e["encodedDataLength"]}),
        )
        blank.page.goto(visit.portal.address + path)
        blank.page.wait_for_load_state("load")
        blank.page.wait_for_timeout(300)
        weighed[name] = sum(
            size
            for request, size in bytes_of.items()
            if not re.search("plotly|charts", kinds.get(request, ""))
        )
    visit("/", OWNER, language="ru")
    assert {name: size for name, size in weighed.items() if size > WIRE_BYTES_MAX} == {}, weighed
