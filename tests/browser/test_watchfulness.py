"""The checks themselves notice what they are there for."""

import pytest

from tests.browser.conftest import Visit

ADD = "(html) => document.body.insertAdjacentHTML('beforeend', html)"


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ('<p style="color: red">x</p>', "style-src"),
        ('<img src="https://example.com/x.png" alt="">', "img-src"),
        ('<img src="/nowhere.png" alt="">', "404"),
    ],
)
def test_what_the_policy_refuses_is_noticed(visit: Visit, html: str, words: str) -> None:
    seen = visit("/sign-in")
    seen.page.evaluate(ADD, html)
    seen.page.wait_for_timeout(200)
    with pytest.raises(AssertionError, match=words):
        seen.check()
    seen.complaints.clear()


def test_an_inline_script_does_not_run(visit: Visit) -> None:
    seen = visit("/sign-in")
    seen.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s); }"
    )
    assert seen.page.evaluate("window.ran") is None
    assert any("script-src" in line for line in seen.complaints)
    seen.complaints.clear()


def test_what_is_wider_than_the_window_is_noticed(visit: Visit) -> None:
    seen = visit("/sign-in", width=390)
    seen.page.evaluate(ADD, '<svg width="600" height="1"></svg>')
    with pytest.raises(AssertionError, match="wider than the window"):
        seen.check()
    seen.page.evaluate("document.body.lastElementChild.remove()")


def test_what_readers_cannot_use_is_noticed(visit: Visit) -> None:
    seen = visit("/sign-in")
    seen.page.evaluate(ADD, '<img src="/favicon.ico"><button></button>')
    assert {line.split(":")[0] for line in seen.violations()} >= {"image-alt", "button-name"}
    seen.complaints.clear()


def test_what_moves_by_itself_is_noticed(visit: Visit) -> None:
    seen = visit("/sign-in")
    seen.page.wait_for_timeout(600)
    seen.page.evaluate(
        """() => { const gap = document.createElement("div"); gap.style.height = "300px"; document.querySelector("#form").before(gap); }"""
    )
    seen.page.wait_for_timeout(300)
    assert seen.shift() > 0.01
