"""The schema at the door: every bound at and one past, nothing unknown, and one byte form for each document."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.fiscal.chain import canonical
from portal.fiscal.codec import MOMENT_MAX, MOMENT_MIN, OFFSET_MAX, Unreadable, decode
from portal.fiscal.documents import (
    KIND_BY_NAME,
    NUMBER_MAX,
    RECEIPTS,
    REPORTS,
    SUM_MAX,
    Document,
    Kind,
    Line,
    Payments,
    Totals,
)
from portal.primitives import money, quantity
from tests.fiscal.samples import manual_receipt, receipt, service_document

BARE: dict[str, Any] = {
    "issued_at": "2026-11-20T14:03:05+03:00",
    "kind": "sale",
    "number": 1,
    "ordinal": 1,
    "register": "R1",
    "shift": 1,
}
LINE: dict[str, Any] = {"name": "x", "price_minor": 1, "quantity_milli": 1, "sum_minor": 0}


def read(**changes: Any) -> Document:
    return decode(json.dumps(BARE | changes).encode())


def read_line(**changes: Any) -> Line:
    return read(lines=[LINE | changes]).lines[0]


def refusal(**changes: Any) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(**changes)
    return caught.value


def test_the_least_document_reads_and_absent_values_have_their_meaning() -> None:
    document = read()
    assert document.total_minor == document.change_minor == document.payments.cash_minor == 0
    assert document.lines == ()
    assert document.cashier is None
    assert document.basis is None
    assert document.totals is None
    assert document.fiscal_sign is None
    assert document.autonomous is False
    assert read_line().unit == 796
    assert read_line().tax_rate is None


@pytest.mark.parametrize("name", sorted(BARE))
def test_refuses_a_document_that_lacks_what_it_must_have(name: str) -> None:
    lacking = {field: value for field, value in BARE.items() if field != name}
    with pytest.raises(Unreadable, match=f"missing required field `{name}`"):
        decode(json.dumps(lacking).encode())


@pytest.mark.parametrize("name", sorted(LINE))
def test_refuses_a_line_that_lacks_what_it_must_have(name: str) -> None:
    caught = refusal(lines=[{field: value for field, value in LINE.items() if field != name}])
    assert f"missing required field `{name}`" in caught.why
    assert caught.path == "lines[0]"


# Each whole number: the place, its least and its greatest value.
WHOLE = [
    ("basis", 1, NUMBER_MAX),
    ("change_minor", 0, SUM_MAX),
    ("discount_minor", 0, SUM_MAX),
    ("markup_minor", 0, SUM_MAX),
    ("number", 1, NUMBER_MAX),
    ("ordinal", 0, 2_000_000_000),
    ("shift", 1, 2_000_000_000),
    ("total_minor", 0, SUM_MAX),
    ("payments.card_minor", 0, SUM_MAX),
    ("payments.cash_minor", 0, SUM_MAX),
    ("payments.mobile_minor", 0, SUM_MAX),
    ("payments.other_minor", 0, SUM_MAX),
    ("lines.discount_minor", 0, SUM_MAX),
    ("lines.markup_minor", 0, SUM_MAX),
    ("lines.price_minor", 0, SUM_MAX),
    ("lines.quantity_milli", 1, 1_000_000_000),
    ("lines.section", 0, 65_535),
    ("lines.sum_minor", 0, SUM_MAX),
    ("lines.tax_minor", 0, SUM_MAX),
    ("lines.tax_rate", 0, 10_000),
    ("lines.unit", 1, 99_999),
    *(
        (f"totals.{name}", 0, 2_000_000_000 if name.endswith("_count") else SUM_MAX)
        for name in Totals.__struct_fields__
    ),
]


def put(place: str, value: object) -> dict[str, Any]:
    """A change of one value, however deep it stands."""
    above, _, name = place.rpartition(".")
    if above == "lines":
        return {"lines": [LINE | {name: value}]}
    return {above: {name: value}} if above else {name: value}


def got(document: Document, place: str) -> object:
    above, _, name = place.rpartition(".")
    if above == "lines":
        return getattr(document.lines[0], name)
    return getattr(getattr(document, above) if above else document, name)


@pytest.mark.parametrize(("place", "least", "greatest"), WHOLE)
def test_a_whole_number_keeps_its_bounds(place: str, least: int, greatest: int) -> None:
    assert got(read(**put(place, least)), place) == least
    assert got(read(**put(place, greatest)), place) == greatest
    for beyond in (least - 1, greatest + 1, -(10**30), 10**30):
        assert refusal(**put(place, beyond)).path.replace("[0]", "") == place


@pytest.mark.parametrize("value", [1.0, 1.5, "1", True, [1], {}])
@pytest.mark.parametrize(
    "place", ["number", "total_minor", "payments.cash_minor", "lines.price_minor", "lines.unit"]
)
def test_a_whole_number_is_nothing_else(place: str, value: object) -> None:
    assert refusal(**put(place, value)).path.replace("[0]", "") == place


def test_a_form_takes_the_same_sums_and_quantities_as_a_document() -> None:
    assert money.MINOR_MAX == SUM_MAX == 10_000_000_000_000
    greatest = quantity.MILLI_MAX
    assert read_line(quantity_milli=greatest).quantity_milli == greatest
    assert refusal(lines=[LINE | {"quantity_milli": greatest + 1}]).path == "lines[0].quantity_milli"


@pytest.mark.parametrize(
    "literal", ["1.0", "1e2", "1E0", "NaN", "Infinity", "01", "+1", "0x1", "-", "1" * 5000]
)
def test_refuses_numbers_written_in_other_ways(literal: str) -> None:
    raw = json.dumps(BARE).replace('"number": 1', f'"number": {literal}')
    with pytest.raises(Unreadable):
        decode(raw.encode())


@pytest.mark.parametrize(
    ("place", "longest"),
    [
        ("cashier", 64),
        ("register", 64),
        ("lines.barcode", 64),
        ("lines.code", 64),
        ("lines.name", 250),
        ("lines.marking", 256),
    ],
)
def test_a_text_keeps_its_length_in_letters_and_not_in_bytes(place: str, longest: int) -> None:
    for letter in ("x", "Қ", "😀"):
        assert got(read(**put(place, letter)), place) == letter
        assert got(read(**put(place, letter * longest)), place) == letter * longest
        assert refusal(**put(place, letter * (longest + 1))).path.replace("[0]", "") == place
    assert refusal(**put(place, "")).path.replace("[0]", "") == place


@pytest.mark.parametrize("sign", ["1", "813D867242EC1704071834F3", "a" * 32])
def test_a_sign_is_letters_and_digits(sign: str) -> None:
    assert read(fiscal_sign=sign).fiscal_sign == sign


@pytest.mark.parametrize("sign", ["", "a" * 33, "AB CD", "AB-CD", "ПР", "AB\n", "\nAB", "AB\x00"])
def test_refuses_a_sign_of_anything_else(sign: str) -> None:
    assert refusal(fiscal_sign=sign).path == "fiscal_sign"


@pytest.mark.parametrize("name", ["digest", "previous"])
def test_a_digest_is_sixty_four_small_hexadecimal_digits(name: str) -> None:
    assert getattr(read(**{name: "0123456789abcdef" * 4}), name) == "0123456789abcdef" * 4
    for wrong in ("", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", " " + "a" * 63):
        assert refusal(**{name: wrong}).path == name


def test_a_receipt_has_two_thousand_lines_at_most() -> None:
    assert len(read(lines=[LINE] * 2000).lines) == 2000
    assert refusal(lines=[LINE] * 2001).path == "lines"


@pytest.mark.parametrize("kind", sorted(KIND_BY_NAME))
def test_every_kind_has_a_name_that_travels_and_a_number_that_stays(kind: str) -> None:
    assert read(kind=kind).kind == kind
    assert KIND_BY_NAME[kind].name.lower() == kind


def test_the_numbers_of_kinds_are_what_is_stored_already() -> None:
    assert {kind.name: int(kind) for kind in Kind} == {
        "SHIFT_OPENED": 1,
        "SALE": 2,
        "SALE_REFUND": 3,
        "PURCHASE": 4,
        "PURCHASE_REFUND": 5,
        "ANNULMENT": 6,
        "CASH_IN": 7,
        "CASH_OUT": 8,
        "X_REPORT": 9,
        "Z_REPORT": 10,
    }
    assert RECEIPTS.isdisjoint(REPORTS)


@pytest.mark.parametrize("kind", ["", "SALE", "Sale", "sale ", "refund", 2, None])
def test_refuses_any_other_kind(kind: object) -> None:
    assert refusal(kind=kind).path == "kind"


@pytest.mark.parametrize("currency", ["byn", "RUB", "", 933])
def test_refuses_a_currency_that_no_register_takes(currency: object) -> None:
    assert refusal(currency=currency).path == "currency"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T14:03:05Z", datetime(2026, 11, 20, 14, 3, 5, tzinfo=UTC)),
        ("2026-11-20T14:03:05+05:00", datetime(2026, 11, 20, 9, 3, 5, tzinfo=UTC)),
        ("2026-11-20T14:03:05.25-01:30", datetime(2026, 11, 20, 15, 33, 5, 250_000, tzinfo=UTC)),
    ],
)
def test_a_moment_has_its_offset(text: str, moment: datetime) -> None:
    assert read(issued_at=text).issued_at == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20",
        "2026-11-20T14:03:05",
        "2026-11-20T14:03Z",
        "2026-02-29T14:03:05Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T14:03:60Z",
        "2026-11-20T14:03:05+24:00",
        "0000-01-01T00:00:00Z",
        "20261120T140305Z",
        1_700_000_000,
        None,
    ],
)
def test_refuses_a_moment_that_could_be_another(text: object) -> None:
    assert refusal(issued_at=text).path == "issued_at"


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        (MOMENT_MIN, MOMENT_MIN - timedelta(microseconds=1)),
        (MOMENT_MAX, MOMENT_MAX + timedelta(microseconds=1)),
        (datetime(2026, 1, 1, tzinfo=timezone(OFFSET_MAX)), datetime.max.replace(tzinfo=UTC)),
        (datetime(2026, 1, 1, tzinfo=timezone(-OFFSET_MAX)), datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_a_moment_lies_in_the_calendar(inside: datetime, outside: datetime) -> None:
    assert read(issued_at=inside.isoformat()).issued_at == inside
    assert refusal(issued_at=outside.isoformat()).path == "issued_at"


@pytest.mark.parametrize("offset", ["+16:00", "-16:00", "+23:59", "-23:59"])
def test_refuses_an_offset_that_no_database_keeps(offset: str) -> None:
    assert refusal(issued_at=f"2026-01-01T00:00:00{offset}").path == "issued_at"


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"Number": 1},
        {"payments": {"cash": 1}},
        {"totals": {"profit_minor": 1}},
        {"lines": [LINE | {"vat": 1}]},
        {"": 1},
    ],
)
def test_refuses_fields_that_it_does_not_know(changes: dict[str, Any]) -> None:
    assert "unknown field" in refusal(**changes).why


@pytest.mark.parametrize("name", ["autonomous", "lines", "payments", "total_minor", "change_minor"])
def test_what_is_absent_is_left_out_and_not_null(name: str) -> None:
    assert refusal(**{name: None}).path == name


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"1",
        b'"x"',
        b"[]",
        b"{",
        b"}",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"{'a':1}",
        b"[" * 100_000,
    ],
)
def test_refuses_what_is_no_document_at_all(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(raw)


def test_refuses_anything_behind_a_document() -> None:
    with pytest.raises(Unreadable, match="trailing"):
        decode(json.dumps(BARE).encode() + b"{}")


@pytest.mark.parametrize(
    "escaped",
    [rb"\ud800", rb"\ud800abcdef", rb"\udc00", rb"\ud83d\ud83d", rb"\ude00\ud83d", rb"\ud83dx\ude00"],
)
def test_refuses_half_of_a_surrogate_pair(escaped: bytes) -> None:
    raw = json.dumps(BARE).encode().replace(b"R1", escaped)
    with pytest.raises(Unreadable):
        decode(raw)


@pytest.mark.parametrize(
    "half", [b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\x80"]
)
def test_refuses_bytes_that_are_not_utf8(half: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(json.dumps(BARE).encode().replace(b"R1", half))


def test_a_whole_surrogate_pair_is_one_letter() -> None:
    raw = json.dumps(BARE).encode().replace(b"R1", rb"\ud83d\ude00")
    assert decode(raw).register == "😀"
    assert b'"register":"\xf0\x9f\x98\x80"' in canonical(decode(raw))


def test_a_nul_travels_escaped_and_never_bare() -> None:
    raw = json.dumps(BARE | {"cashier": "a\x00b"}).encode()
    document = decode(raw)
    assert document.cashier == "a\x00b"
    assert b'"cashier":"a\\u0000b"' in canonical(document)
    assert b"\x00" not in canonical(document)
    with pytest.raises(Unreadable):
        decode(json.dumps(BARE).encode().replace(b"R1", b"a\x00b"))


def test_of_a_name_given_twice_the_last_one_counts_and_is_all_that_is_kept() -> None:
    raw = json.dumps(BARE).encode()[:-1] + b',"number":7}'
    document = decode(raw)
    assert document.number == 7
    assert canonical(document).count(b'"number"') == 1
    # An earlier value does not slip past the bounds either.
    with pytest.raises(Unreadable):
        decode(b'{"number":-1,' + json.dumps(BARE | {"number": 7}).encode()[1:])


# The canonical form.


def rfc8785(value: object) -> bytes:
    """Canonical JSON by another hand: right for what has no fractions and whose names are ASCII."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def names(value: object) -> list[list[str]]:
    """The names of every object in the order they stand in."""
    if isinstance(value, dict):
        return [list(value), *(found for each in value.values() for found in names(each))]
    if isinstance(value, list):
        return [found for each in value for found in names(each)]
    return []


@pytest.mark.parametrize(
    "document", [receipt(), manual_receipt(), service_document("z_report"), service_document("cash_in")]
)
def test_samples_have_one_canonical_form(document: Document) -> None:
    encoded = canonical(document)
    assert encoded == rfc8785(json.loads(encoded))
    assert decode(encoded) == document


def test_the_fields_of_every_struct_stand_in_order_because_the_bytes_depend_on_it() -> None:
    for struct in (Document, Line, Payments, Totals):
        assert list(struct.__struct_encode_fields__) == sorted(struct.__struct_encode_fields__)
        assert all(name.isascii() for name in struct.__struct_encode_fields__)


def test_the_order_and_the_spaces_of_what_was_sent_do_not_matter() -> None:
    mixed = json.dumps(dict(reversed(BARE.items())) | {"total_minor": 0, "lines": []}, indent=4).encode()
    assert canonical(decode(mixed)) == canonical(read())


def test_a_document_without_its_defaults_is_short() -> None:
    assert canonical(read()) == (
        b'{"issued_at":"2026-11-20T14:03:05+03:00","kind":"sale","number":1,"ordinal":1,"register":"R1","shift":1}'
    )


sums = st.integers(0, SUM_MAX) | st.just(0)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)
digests = st.none() | st.from_regex("[0-9a-f]{64}", fullmatch=True)
lines = st.builds(
    Line,
    barcode=st.none() | texts,
    code=st.none() | texts,
    discount_minor=sums,
    marking=st.none() | texts,
    markup_minor=sums,
    name=texts,
    price_minor=sums,
    quantity_milli=st.integers(1, 10**9),
    section=st.integers(0, 65_535),
    sum_minor=sums,
    tax_minor=sums,
    tax_rate=st.none() | st.integers(0, 10_000),
    unit=st.integers(1, 99_999) | st.just(796),
)
documents = st.builds(
    Document,
    autonomous=st.booleans(),
    basis=st.none() | st.integers(1, NUMBER_MAX),
    cashier=st.none() | texts,
    change_minor=sums,
    currency=st.sampled_from([None, "BYN", "KZT"]),
    digest=digests,
    discount_minor=sums,
    fiscal_sign=st.none() | st.from_regex("[0-9A-Za-z]{1,32}", fullmatch=True),
    # Three days inside of the calendar, so that no offset leads out of it.
    issued_at=st.datetimes(
        datetime.fromisoformat("1900-01-05"),
        datetime.fromisoformat("2999-12-27"),
        timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    ),
    kind=st.sampled_from(sorted(KIND_BY_NAME)),
    lines=st.lists(lines, max_size=3).map(tuple),
    markup_minor=sums,
    number=st.integers(1, NUMBER_MAX),
    ordinal=st.integers(0, 2_000_000_000),
    payments=st.builds(Payments, card_minor=sums, cash_minor=sums, mobile_minor=sums, other_minor=sums),
    previous=digests,
    register=texts,
    shift=st.integers(1, 2_000_000_000),
    total_minor=sums,
    totals=st.none()
    | st.builds(Totals, sale_count=st.integers(0, 2_000_000_000), sale_minor=sums, cash_minor=sums),
)


@given(documents)
def test_every_document_has_one_canonical_form(document: Document) -> None:
    encoded = canonical(document)
    value = json.loads(encoded)
    assert encoded == rfc8785(value)
    assert all(found == sorted(found) for found in names(value))
    again = decode(encoded)
    assert again == document
    assert canonical(again) == encoded


@given(documents, st.randoms(use_true_random=False), st.booleans())
def test_however_a_document_is_written_its_canonical_form_is_the_same(
    document: Document, random: Any, is_ascii: bool
) -> None:
    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            items = [(name, shuffled(each)) for name, each in value.items()]
            random.shuffle(items)
            return dict(items)
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    encoded = canonical(document)
    written = json.dumps(shuffled(json.loads(encoded)), ensure_ascii=is_ascii, indent=1)
    assert canonical(decode(written.encode())) == encoded


@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_no_bytes_do_worse_than_being_unreadable(raw: bytes) -> None:
    with suppress(Unreadable):
        decode(raw)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(Document.__struct_fields__), values)
def test_no_value_in_any_field_does_worse_than_being_unreadable(name: str, value: object) -> None:
    with suppress(Unreadable):
        document = read(**{name: value})
        assert decode(canonical(document)) == document
