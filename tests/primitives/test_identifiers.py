"""The numbers of taxpayers, registers and people: real ones are read, wrong ones are not."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.primitives.identifiers import (
    bin_check_digit,
    parse_bin,
    parse_phone,
    parse_rnm,
    parse_tax_id,
    parse_unp,
    parse_znm,
    print_bin,
    print_phone,
    unp_check_digit,
)

# Published numbers of large banks and companies.
REAL_BINS = ["971240001315", "940140000385", "901223450978"]
REAL_UNPS = ["200988541", "100582333", "MA1953684"]


@pytest.mark.parametrize("number", REAL_BINS)
def test_reads_a_bin(number: str) -> None:
    assert parse_bin(number) == number


@pytest.mark.parametrize("number", REAL_UNPS)
def test_reads_an_unp(number: str) -> None:
    assert parse_unp(number) == number


@pytest.mark.parametrize(
    "typed", [" 971240 001315 ", "БИН 971240001315", "бин: 971 240 001 315", "971-240-001-315"]
)
def test_reads_a_bin_as_people_type_it(typed: str) -> None:
    assert parse_bin(typed) == "971240001315"


@pytest.mark.parametrize("typed", ["ma1953684", "МА1953684", "УНП: МА 1953684", "мА-1953684"])
def test_reads_an_unp_in_small_and_in_cyrillic_letters(typed: str) -> None:
    assert parse_unp(typed) == "MA1953684"


@pytest.mark.parametrize(
    "typed",
    ["", "97124000131", "9712400013155", "97124000131A", "000000000000", "٩٧١٢٤٠٠٠١٣١٥", "971240001315\x00"],
)
def test_refuses_what_is_no_bin(typed: str) -> None:
    assert parse_bin(typed) is None


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "20098854",
        "2009885411",
        "900988541",
        "MZ1953684",
        "ZA1953684",
        "M11953684",
        "MAA953684",
        "20098854X",
    ],
)
def test_refuses_what_is_no_unp(typed: str) -> None:
    assert parse_unp(typed) is None


def _first_round(number: str) -> int:
    return sum(int(digit) * weight for weight, digit in enumerate(number[:11], 1)) % 11


@given(st.sampled_from(REAL_BINS), st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11]), st.integers(0, 9))
def test_notices_any_one_wrong_digit_of_a_bin_but_the_eleventh(number: str, place: int, digit: int) -> None:
    assume(number[place] != str(digit))
    wrong = number[:place] + str(digit) + number[place + 1 :]
    # The eleventh digit has the weight of eleven, which leaves nothing: the rule itself does not protect it.
    # Where the first round of weights gives ten the second decides, and lets some of the mistakes slip through.
    assume(10 not in (_first_round(number), _first_round(wrong)))
    assert parse_bin(wrong) is None


@given(st.sampled_from(REAL_UNPS), st.integers(2, 8), st.integers(0, 9))
def test_notices_any_one_wrong_digit_of_an_unp(number: str, place: int, digit: int) -> None:
    assume(number[place] != str(digit))
    assert parse_unp(number[:place] + str(digit) + number[place + 1 :]) is None


def test_a_bin_needs_the_second_round_when_the_first_gives_ten() -> None:
    # By weights from 1: 1×1 + 9×1 = 10. By weights from 3: 1×3 + 11×1 = 14, which leaves 3.
    assert bin_check_digit("10000000100") == 3
    assert parse_bin("100000001003") == "100000001003"


def test_no_bin_exists_where_both_rounds_give_ten() -> None:
    refused = next(f"{n:011d}" for n in range(1, 100_000) if bin_check_digit(f"{n:011d}") is None)
    rounds = [
        sum(int(d) * w for d, w in zip(refused, weights, strict=True)) % 11
        for weights in (range(1, 12), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2))
    ]
    assert rounds == [10, 10]
    assert all(parse_bin(refused + str(last)) is None for last in range(10))


def test_no_unp_exists_whose_remainder_is_ten() -> None:
    refused = next(str(n) for n in range(10_000_000, 10_001_000) if unp_check_digit(str(n)) is None)
    weights = (29, 23, 19, 17, 13, 7, 5, 3)
    assert sum(int(d) * w for d, w in zip(refused, weights, strict=True)) % 11 == 10
    assert all(parse_unp(refused + str(last)) is None for last in range(10))


@given(st.from_regex(r"[1-7][0-9]{7}|[ABCEHKM][ABCEHKMOPT][0-9]{6}", fullmatch=True))
def test_every_unp_with_its_check_digit_is_read(first_eight: str) -> None:
    digit = unp_check_digit(first_eight)
    assume(digit is not None)
    assert parse_unp(f"{first_eight}{digit}") == f"{first_eight}{digit}"


def test_a_tax_number_is_read_by_its_country() -> None:
    assert parse_tax_id("200988541", "by") == "200988541"
    assert parse_tax_id("971240001315", "kz") == "971240001315"
    assert parse_tax_id("971240001315", "by") is None
    assert parse_tax_id("200988541", "kz") is None


@pytest.mark.parametrize(
    ("typed", "number"), [("281119950001", "281119950001"), ("РНМ 600400 131197", "600400131197")]
)
def test_reads_a_registration_number(typed: str, number: str) -> None:
    assert parse_rnm(typed) == number


@pytest.mark.parametrize("typed", ["", "28111995000", "2811199500011", "28111995000A", "000000000000"])
def test_refuses_what_is_no_registration_number(typed: str) -> None:
    assert parse_rnm(typed) is None


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("SWK00033717", "SWK00033717"),
        ("swk 00033717", "SWK00033717"),
        ("ЗНМ: СК0001", "CK0001"),
        ("АВСЕНКМОРТХУ1", "ABCEHKMOPTXY1"),
    ],
)
def test_reads_a_factory_number(typed: str, number: str) -> None:
    assert parse_znm(typed) == number


@pytest.mark.parametrize("typed", ["", "SWK", "ABCDEF", "A1", "SWK_0003", "Ж0001234", "S" * 32 + "1"])
def test_refuses_what_is_no_factory_number(typed: str) -> None:
    assert parse_znm(typed) is None


@pytest.mark.parametrize(
    ("typed", "country", "phone"),
    [
        ("+375 (29) 123-45-67", None, "+375291234567"),
        ("375291234567", None, "+375291234567"),
        ("8 029 123 45 67", "by", "+375291234567"),
        ("29 123-45-67", "by", "+375291234567"),
        ("+7 701 123 45 67", None, "+77011234567"),
        ("8 (701) 123-45-67", "kz", "+77011234567"),
        ("701 123 45 67", "kz", "+77011234567"),
        ("+48 22 123 45 67", "by", "+48221234567"),
    ],
)
def test_reads_a_telephone_number(typed: str, country: str | None, phone: str) -> None:
    assert parse_phone(typed, country) == phone


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("", "by"),
        ("+", None),
        ("123", "by"),
        ("+375 99 123-45-67", None),
        ("+375 29 123-45-6", None),
        ("+7 701 123 45 6", "kz"),
        ("+7 701 123 45 678", "kz"),
        ("29 123-45-67", "kz"),
        ("+0 123 456 78 90", None),
        ("+3752912345б7", None),
        ("+1234567890123456", None),
    ],
)
def test_refuses_what_is_no_telephone_number(typed: str, country: str | None) -> None:
    assert parse_phone(typed, country) is None


def test_prints_numbers_as_people_read_them() -> None:
    assert print_phone("+375291234567") == "+375 29 123-45-67"
    assert print_phone("+77011234567") == "+7 701 123-45-67"
    assert print_phone("+48221234567") == "+48221234567"
    assert print_bin("971240001315") == "971\u00a0240\u00a0001\u00a0315"


@given(st.text(max_size=20))
def test_whatever_is_typed_gives_a_canonical_form_or_nothing(typed: str) -> None:
    for parse in (parse_bin, parse_unp, parse_rnm, parse_znm, parse_phone):
        number = parse(typed)
        assert number is None or parse(number) == number
