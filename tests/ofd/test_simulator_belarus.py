"""The gateway's counterpart of Belarus, spoken to by hand."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.ofd.simulator.account import Opening
from portal.ofd.simulator.testing import TestOperator
from tests.ofd.caller import exchange

ZNM = "ZN00017"
UI = "813D867242EC1704071834F3"
AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def _say(operator: TestOperator, message: object) -> dict[str, Any]:
    raw = json.dumps(message, sort_keys=True, separators=(",", ":")).encode()
    return _hear(exchange(operator.belarus_port, len(raw).to_bytes(4, "big") + raw))


def _hear(raw: bytes) -> dict[str, Any]:
    assert int.from_bytes(raw[:4], "big") == len(raw) - 4
    heard: dict[str, Any] = json.loads(raw[4:])
    return heard


def _document(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "fiscal_sign": f"{number:024X}",
        "issued_at": (AT + timedelta(minutes=number)).isoformat(),
        "kind": kind,
        "number": number,
        "ordinal": number,
        "register": ZNM,
        "shift": 1,
        **fields,
    }


def _sale(number: int, **fields: Any) -> dict[str, Any]:
    line = {"name": "Кефир", "price_minor": 250, "quantity_milli": 2000, "sum_minor": 500}
    sale = {"lines": [line], "payments": {"cash_minor": 1000}, "change_minor": 500, "total_minor": 500}
    return {**_document(number, "sale"), **sale, **fields}


def _send(operator: TestOperator, document: dict[str, Any], **message: Any) -> dict[str, Any]:
    return _say(
        operator,
        {
            "body": json.dumps(document),
            "number": document["number"],
            "register": ZNM,
            "ui": document.get("fiscal_sign", ""),
            **message,
        },
    )


@pytest.fixture
def minsk(simulator: TestOperator) -> TestOperator:
    """An operator with one register of Belarus on record, its shift open."""
    simulator.register(ZNM, country="by", znm=ZNM)
    assert _send(simulator, _document(1, "shift_opened")) == {"result": "accepted"}
    return simulator


def test_takes_a_shift_from_its_opening_to_its_end(minsk: TestOperator) -> None:
    for document in (
        _document(2, "cash_in", total_minor=10_000),
        _sale(3),
        _document(4, "cash_out", total_minor=2_000),
        _document(5, "x_report"),
        _document(6, "z_report"),
        _document(7, "shift_opened", shift=2),
    ):
        assert _send(minsk, document) == {"result": "accepted"}, document
    account = minsk.account(ZNM, country="by")
    assert (account.shift, account.is_open, account.number, account.cash_minor) == (2, True, 7, 8_500)
    assert [row.sign for row in minsk.documents(ZNM, country="by")] == [
        f"{number:024X}" for number in range(1, 8)
    ]


def test_what_comes_again_is_repeated_and_counted_once(minsk: TestOperator) -> None:
    assert _send(minsk, _sale(2)) == {"result": "accepted"}
    for _ in range(3):
        assert _send(minsk, _sale(2)) == {"result": "repeated"}
    minsk.restart()
    assert _send(minsk, _sale(2)) == {"result": "repeated"}
    assert minsk.counters(ZNM, country="by").operations[0].count == 1


def test_another_document_of_the_same_number_is_refused(minsk: TestOperator) -> None:
    _send(minsk, _sale(2))
    heard = _send(minsk, _sale(2, cashier="Другой"))
    assert heard["result"] == "refused"
    assert "документ 2 уже принят другим" in heard["why"]


@pytest.mark.parametrize("ui", ["", UI[:-1], UI + "0", UI.lower(), "X" * 24, UI + "\n"])
def test_the_identifier_has_24_hex_digits(minsk: TestOperator, ui: str) -> None:
    document = _sale(2)
    document["fiscal_sign"] = UI
    assert "УИ" in _send(minsk, document, ui=ui)["why"]


@pytest.mark.parametrize(
    ("document", "message", "why"),
    [
        (_sale(2, fiscal_sign=UI), {"ui": UI[::-1]}, "расходятся"),
        (_sale(2), {"number": 3}, "номера сообщения и документа"),
        (_sale(2, register="ZN9"), {}, "другой кассы"),
        (_sale(2, total_minor=501), {}, "итог 5.01, а по позициям 5.00"),
        (_sale(2, change_minor=400), {}, "оплаты без сдачи"),
        (_sale(2, discount_minor=10), {}, "итог 5.00, а по позициям 4.90"),
        (_sale(2, shift=2), {}, "открыта смена 1"),
        (_sale(2, issued_at=AT.isoformat()), {}, "раньше предыдущего"),
        (_sale(2, kind="sale_refund"), {}, "Недостаточно наличных"),
        (_document(2, "cash_out", total_minor=1), {}, "в кассе 0.00"),
        (_document(2, "shift_opened"), {}, "ещё открыта"),
        (_document(2, "sale", total_minor=0), {}, "нет позиций"),
        (_sale(2, kind="annulment", basis=1), {}, "аннулируется не чек"),
        (_sale(2, kind="annulment", basis=9), {}, "которого в этой смене нет"),
        (_sale(2), {"body": "{}"}, "не читается"),
        (_sale(2, surprise=1), {}, "не читается"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses_and_says_why(
    minsk: TestOperator, document: dict[str, Any], message: dict[str, Any], why: str
) -> None:
    heard = _send(minsk, document, **message)
    assert heard["result"] == "refused"
    assert why in heard["why"]
    assert minsk.account(ZNM, country="by").number == 1
    assert minsk.documents(ZNM, country="by")[-1].code != 0


def test_a_line_is_its_price_by_its_quantity(minsk: TestOperator) -> None:
    document = _sale(2)
    document["lines"][0]["price_minor"] = 251
    assert "позиция 1 стоит 5.00, а должна 5.02" in _send(minsk, document)["why"]


def test_an_annulment_gives_the_cash_back_and_is_counted_beside(minsk: TestOperator) -> None:
    _send(minsk, _sale(2))
    annulment = _sale(3, kind="annulment", basis=2)
    assert _send(minsk, annulment) == {"result": "accepted"}
    report = minsk.counters(ZNM, country="by")
    assert (report.annulled_count, report.annulled_minor, report.cash_minor) == (1, 500, 0)
    assert report.operations[0].count == 1


def test_nothing_is_taken_into_a_shift_that_is_closed(minsk: TestOperator) -> None:
    _send(minsk, _document(2, "z_report"))
    assert "смена 1 уже закрыта" in _send(minsk, _sale(3))["why"]
    assert "не открыта" in _send(minsk, _sale(3, shift=2))["why"]


def test_the_hours_of_a_shift_count_from_its_first_receipt(minsk: TestOperator) -> None:
    late = (AT + timedelta(hours=30)).isoformat()
    assert _send(minsk, _sale(2, issued_at=late)) == {"result": "accepted"}
    later = (AT + timedelta(hours=54)).isoformat()
    assert _send(minsk, _sale(3, issued_at=later)) == {"result": "accepted"}
    too_late = (AT + timedelta(hours=54, seconds=1)).isoformat()
    assert "Истёк период" in _send(minsk, _sale(4, issued_at=too_late))["why"]
    assert _send(minsk, _document(4, "z_report", issued_at=too_late)) == {"result": "accepted"}


def test_a_register_with_a_past_goes_on_from_it(simulator: TestOperator) -> None:
    simulator.register(ZNM, country="by", opening=Opening(number=99, shift=7, cash_minor=500))
    assert _send(simulator, _document(1, "shift_opened", shift=8))["result"] == "refused"
    assert _send(simulator, _document(100, "shift_opened", shift=8)) == {"result": "accepted"}
    assert _send(simulator, _document(101, "cash_out", shift=8, total_minor=500)) == {"result": "accepted"}


def test_strangers_and_nonsense_are_refused(minsk: TestOperator) -> None:
    assert _say(minsk, {"ping": True, "register": ZNM}) == {"result": "accepted"}
    assert "не зарегистрирован" in _say(minsk, {"ping": True, "register": "ZN9"})["why"]
    assert "не зарегистрирован" in _send(minsk, _sale(2), register="ZN9")["why"]
    raw = b"\x00\x00\x00\x04\xff\xfe{}"
    assert _hear(exchange(minsk.belarus_port, raw))["result"] == "refused"


def test_mischief_befalls_belarus_too(minsk: TestOperator) -> None:
    minsk.mischief.switch_on("code_14", times=1)
    assert "Недостаточно наличных" in _send(minsk, _sale(2))["why"]
    minsk.mischief.switch_on("code_254", times=1)
    body = json.dumps(
        {"body": json.dumps(_sale(2)), "number": 2, "register": ZNM, "ui": f"{2:024X}"}
    ).encode()
    assert exchange(minsk.belarus_port, len(body).to_bytes(4, "big") + body) == b""
    assert minsk.account(ZNM, country="by").number == 1
    minsk.mischief.switch_on("lost", times=1)
    assert exchange(minsk.belarus_port, len(body).to_bytes(4, "big") + body) == b""
    assert _send(minsk, _sale(2)) == {"result": "repeated"}
    minsk.mischief.switch_on("code_11")
    assert _send(minsk, _sale(2)) == {"result": "repeated"}


def test_a_length_beyond_reason_ends_the_line(minsk: TestOperator) -> None:
    with suppress(ConnectionResetError):
        assert exchange(minsk.belarus_port, b"\xff\xff\xff\xff" + b"x" * 100) == b""
    assert _send(minsk, _sale(2)) == {"result": "accepted"}
