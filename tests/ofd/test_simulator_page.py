"""The operator's page: what it shows, what it does for whom, and the same as JSON."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import pytest

from portal.ofd.simulator.mischief import Kind
from portal.ofd.simulator.page import Page
from portal.ofd.simulator.show import MISCHIEF
from portal.ofd.simulator.testing import TestOperator
from portal.ofd.wire import v203_pb2 as pb
from tests.ofd.caller import BIN, DEVICE, RNM, TOKEN, ZNM, Caller, commodity

KEY = "the key of this page"
WICKED = "<script>alert('x')</script> & \"ООО\""


@pytest.fixture
def page(simulator: TestOperator) -> Iterator[Page]:
    """The page of an operator with one register and a little of its work."""
    page = Page(simulator, key=KEY)
    page.start()
    caller = Caller(simulator).put_on_record(title=WICKED)
    caller.issue(caller.ticket(items=[commodity(WICKED), commodity("Хлеб", 15_000, 1_234)]))
    caller.send(caller.cash(10**9, is_out=True))
    caller.issue(caller.ticket(offline=77))
    caller.issue(caller.z_report())
    simulator.register("ZN 1", country="by", title="ООО «Нёман»")
    yield page
    page.stop()


def _get(page: Page, path: str, **headers: str) -> tuple[int, str]:
    return _ask(page, "GET", path, b"", headers)


def _post(page: Page, path: str, said: object, **headers: str) -> tuple[int, str]:
    headers = {"Content-Type": "application/json", "X-Operator-Key": KEY, **headers}
    return _ask(page, "POST", path, json.dumps(said).encode(), headers)


def _submit(page: Page, path: str, fields: dict[str, str], **headers: str) -> tuple[int, str]:
    """Send a form, and go where the answer leads."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    status, text = _ask(page, "POST", path, urlencode(fields).encode(), headers)
    return _get(page, "/") if status == HTTPStatus.SEE_OTHER else (status, text)


def _ask(page: Page, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    connection = HTTPConnection(page.host, page.port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _json(page: Page, path: str, **headers: str) -> Any:
    status, text = _get(page, path, **headers)
    assert status == 200, text
    return json.loads(text)


class _Balance(HTMLParser):
    """Whether every element that is opened is closed, in order, and which links there are."""

    VOID = frozenset({"meta", "link", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        if tag not in self.VOID:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_page_is_whole_and_leads_on(page: Page) -> None:
    """From the first page by its links to all the others; what came from outside is nowhere taken for markup."""
    seen: dict[str, str] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        status, text = _get(page, path)
        assert status == 200, path
        seen[path] = text
        if path != "/style.css":
            waiting += [link for link in _Balance(text).links if link.startswith("/")]
    places = {row.place for row in page.operator.documents()}
    assert set(seen) == {
        "/",
        "/style.css",
        f"/registers/kz/{DEVICE}",
        "/registers/by/ZN%201",
        *(f"/documents/{place}" for place in places),
    }
    assert all("<script>alert" not in text for text in seen.values())
    assert "&lt;script&gt;alert" in seen["/"]


def test_a_register_shows_counters_and_documents(page: Page) -> None:
    _, text = _get(page, f"/registers/kz/{DEVICE}")
    total = 2 * 50_000 + 18_510
    assert f"{total // 100:,}".replace(",", "\u202f") + f",{total % 100:02d}" in text
    for expected in ("принят автономным", "Недостаточно наличных", RNM, ZNM, BIN, "Z-отчёт", "закрыта"):
        assert expected in text
    assert str(TOKEN) not in text


def test_a_document_is_shown_in_full(page: Page) -> None:
    row = next(row for row in page.operator.documents(DEVICE) if row.code == 0)
    _, text = _get(page, f"/documents/{row.place}")
    for expected in (
        "Хлеб",
        "1,234",
        "185,10",
        str(row.sign),
        "printed_document_number",
        "15.01.2026 14:30:10",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/registers/kz/1", 404),
        ("/registers/kz/x", 422),
        ("/registers/xx/1", 422),
        ("/documents/999", 404),
        ("/documents/x", 400),
        ("/documents/" + "9" * 400, 400),
        (f"/registers/kz/{DEVICE}/documents.json?limit=501", 400),
        (f"/registers/kz/{DEVICE}/documents.json?limit=-1", 400),
        ("/registers/kz/%3Cscript%3E", 422),
    ],
)
def test_says_no_with_a_page(page: Page, path: str, status: int) -> None:
    got, text = _get(page, path)
    assert got == status
    assert "<main>" in text
    assert "<script>" not in text


def test_tells_programs_the_same(page: Page) -> None:
    minsk, kazakh = sorted(_json(page, "/registers.json"), key=lambda one: str(one["country"]))
    assert (minsk["device"], minsk["number"]) == ("ZN 1", 0)
    assert (kazakh["number"], kazakh["is_open"], kazakh["figures"]["sale.count"]) == (4, False, 2)
    assert kazakh["counters"]["operations"][0]["offline_count"] == 1
    assert "token" not in kazakh
    known = _json(page, f"/registers/kz/{DEVICE}.json", **{"X-Operator-Key": KEY})
    assert known["token"] == page.operator.account(DEVICE).token
    documents = _json(page, f"/registers/kz/{DEVICE}/documents.json")
    assert [(one["number"], one["code"]) for one in documents] == [(1, 0), (2, 14), (3, 0), (4, 0)]
    assert documents[3]["report"]["receipt_count"] == 2
    accepted = _json(page, f"/registers/kz/{DEVICE}/documents.json?accepted=1&limit=2")
    assert [one["number"] for one in accepted] == [3, 4]
    whole = _json(page, f"/documents/{documents[0]['place']}.json")
    assert whole["request"]["ticket"]["printed_document_number"] == "1"
    assert whole["answer"]["ticket"]["ticket_number"] == documents[0]["sign"]


def test_mischief_is_switched_by_a_form(page: Page) -> None:
    fields = {
        "key": KEY,
        "kind": "slow",
        "on": "1",
        "share": "0,5",
        "times": "3",
        "seconds": "2",
        "for_s": "",
        "device": "7",
    }
    status, text = _submit(page, "/mischief", fields)
    assert (status, MISCHIEF[Kind.SLOW] in text) == (200, True)
    (rule,) = page.operator.mischief.rules()
    assert (rule.kind, rule.share, rule.times, rule.seconds, rule.device) == (Kind.SLOW, 0.5, 3, 2.0, "7")
    assert rule.until_s is None
    _submit(page, "/mischief", {"key": KEY, "kind": "slow"})
    assert page.operator.mischief.rules() == ()


def test_mischief_is_switched_by_programs(page: Page) -> None:
    assert _post(page, "/mischief", {"kind": "lost", "on": True, "share": 0.25, "for_s": 3600})[0] == 200
    found = _json(page, "/mischief.json")
    assert [(rule["kind"], rule["share"]) for rule in found["rules"]] == [("lost", 0.25)]
    assert found["counts"]["requests"] == 4
    assert _post(page, "/mischief", {})[0] == 200
    assert page.operator.mischief.rules() == ()


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "loud", "on": True},
        {"on": True},
        {"kind": "lost", "on": True, "share": 2},
        {"kind": "lost", "on": True, "times": "x"},
    ],
)
def test_refuses_mischief_that_there_is_not(page: Page, said: dict[str, object]) -> None:
    assert _post(page, "/mischief", said)[0] == 422
    assert page.operator.mischief.rules() == ()


def test_does_nothing_without_the_key_or_from_elsewhere(page: Page) -> None:
    on = {"kind": "lost", "on": True}
    form = {"kind": "lost", "on": "1"}
    own = page.url
    for status in (
        _post(page, "/mischief", on, **{"X-Operator-Key": "another"})[0],
        _post(page, "/mischief", on, **{"X-Operator-Key": ""})[0],
        _post(page, "/mischief", on, Origin="http://evil.example")[0],
        _post(page, "/mischief", on, Origin="null")[0],
        _post(page, "/mischief", on, Host="evil.example")[0],
        _submit(page, "/mischief", form)[0],
        _submit(page, "/mischief", {**form, "key": "another"}, Origin=own)[0],
        _get(page, "/", Host=f"evil.example:{page.port}")[0],
    ):
        assert status == 403
    assert page.operator.mischief.rules() == ()
    assert _submit(page, "/mischief", {**form, "key": KEY}, Origin=own)[0] == 200
    assert [rule.kind for rule in page.operator.mischief.rules()] == [Kind.LOST]


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'"x"'])
def test_refuses_a_body_that_is_no_object(page: Page, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "X-Operator-Key": KEY}
    assert _ask(page, "POST", "/mischief", body, headers)[0] == 400


def test_registers_are_put_on_record_reset_and_blocked_from_outside(page: Page) -> None:
    said = {
        "device": 5,
        "token": 9,
        "rnm": RNM,
        "opening": {"non_nullable_minor": {"sale": 700}, "number": 41, "shift": 3},
    }
    assert _post(page, "/registers", said)[0] == 200
    account = page.operator.account(5)
    assert (account.token, account.number, account.tallies["sale"].non_nullable_minor) == (9, 41, 700)
    assert _post(page, "/registers/kz/5/token", {"token": 10})[0] == 200
    assert _post(page, "/registers/kz/5/block", {"is_blocked": True})[0] == 200
    account = page.operator.account(5)
    assert (account.token, account.is_blocked) == (10, True)
    assert _post(page, "/registers/kz/5/block", {"is_blocked": False})[0] == 200
    assert not page.operator.account(5).is_blocked
    caller = Caller(page.operator, device=5, token=10, number=41, shift=4)
    caller.issue(caller.ask(pb.COMMAND_SYSTEM))
    for path, wrong in (
        ("/registers", {"device": 0}),
        ("/registers", {"device": 6, "colour": "red"}),
        ("/registers", {"device": 6, "opening": {"number": "x"}}),
        ("/registers", {}),
        ("/registers/kz/5/token", {}),
        ("/registers/kz/5/token", {"token": -1}),
    ):
        assert _post(page, path, wrong)[0] == 422, wrong
    assert _post(page, "/registers/kz/77/token", {"token": 1})[0] == 404
    assert len(page.operator.accounts()) == 3


def test_nothing_may_be_framed_scripted_or_kept(page: Page) -> None:
    connection = HTTPConnection(page.host, page.port, timeout=20)
    connection.request("GET", "/")
    headers = connection.getresponse().headers
    connection.close()
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_an_operator_with_nothing_on_record_says_so(simulator: TestOperator) -> None:
    page = Page(simulator, key=KEY)
    page.start()
    try:
        assert "нет ни одной кассы" in _get(page, "/")[1]
    finally:
        page.stop()
