"""Tapes: golden samples line by line, and what is true of every one of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from portal.fiscal.captions import CAPTIONS, TapeLanguage, caption, tape_language
from portal.fiscal.documents import KIND_BY_NAME, Document, Modifier, Totals
from portal.fiscal.report_forms import Requisites, SectionReport, SectionRow
from portal.fiscal.tape import WIDTHS, Operator, TapeHeader, qr_of, report_tape, tape
from tests.fiscal.samples import BY_HEADER, ISSUED_AT, KZ_HEADER, UI, line, receipt, service_document

LANGUAGES: tuple[TapeLanguage, ...] = get_args(TapeLanguage)


def texts(document: Document, header: TapeHeader, **choices: Any) -> list[str]:
    return [one.text for one in tape(document, header, **choices) if one.style != "qr"]


def test_a_receipt_of_belarus_on_a_narrow_tape() -> None:
    assert texts(receipt(), BY_HEADER, width=36) == [
        '         ООО "Зерно и кофе"',
        "           УНП 100582333",
        "         Кофейня на Немиге",
        "      г. Минск, ул. Немига, 5",
        "Касса 1",
        "Зав. № БК00012345",
        "Рег. № в СККО 110012345",
        "-" * 36,
        "Смена 2                       Чек №3",
        "Документ №12",
        "Кассир Иванова И. И.",
        "20.11.2026 14:03:05",
        "-" * 36,
        "              ПРОДАЖА",
        "Кофе в зёрнах",
        "  45,90 x 0,35 кг            = 16,07",
        "  НДС 20%                       2,68",
        "Хлеб",
        "  1,92 x 2 шт                 = 3,84",
        "  Скидка                       -0,08",
        "  Стоимость                     3,76",
        "  НДС 10%                       0,34",
        "-" * 36,
        "Наценка                         0,07",
        "ИТОГО К ОПЛАТЕ             19,90 BYN",
        "в т.ч. НДС 20%:                 2,68",
        "в т.ч. НДС 10%:                 0,34",
        "Наличные:                      20,00",
        "Сдача:                          0,10",
        "-" * 36,
        f"УИ {UI}",
    ]


def test_a_z_report_says_the_totals_of_its_shift() -> None:
    lines = texts(service_document("z_report"), BY_HEADER, width=34)
    assert lines[8:] == [
        "         СМЕННЫЙ Z-ОТЧЕТ",
        "Смена 2               Документ №13",
        "Кассир Иванова И. И.",
        "Время: 20.11.2026 14:03:05",
        "-" * 34,
        "Продажи (2):                 29,00",
        "Возвраты продаж (1):         50,00",
        "Внесено:                      0,00",
        "Изъято:                       0,00",
        "Наличных в кассе:             1,00",
        "Выручка:                    -21,00",
        "-" * 34,
    ]


def test_a_report_names_what_there_was_and_leaves_out_what_there_was_not() -> None:
    totals = Totals(purchase_count=1, purchase_minor=5, purchase_refund_minor=7, annulment_count=3)
    said = " ".join(texts(service_document("x_report", totals=totals), BY_HEADER))
    assert "Покупки (1)" in said
    assert "Возвраты покупок (0)" in said
    assert "Аннулирования (3)" in said
    assert "Продажи (0)" in said
    assert "X-ОТЧЕТ" in said
    bare = " ".join(texts(service_document("x_report", totals=Totals()), BY_HEADER))
    assert "Покупки" not in bare
    assert "Аннулирования" not in bare


def test_revenue_is_what_was_taken_less_what_was_given_back() -> None:
    totals = Totals(
        sale_minor=100_000,
        purchase_refund_minor=8,
        refund_minor=10,
        annulment_minor=200,
        purchase_minor=4_000,
    )
    lines = tape(service_document("x_report", totals=totals), BY_HEADER, width=34)
    assert [one.text for one in lines if one.text.startswith("Выручка")] == [
        "Выручка:                    957,98"
    ]


@pytest.mark.parametrize(
    ("number", "lines"),
    [
        (1_234_567, ["Смена 2000000000 Документ №1234567"]),
        (12_345_678, ["Смена 2000000000", "                Документ №12345678"]),
    ],
)
def test_a_value_never_touches_its_label(number: int, lines: list[str]) -> None:
    document = service_document("shift_opened", number=number, shift=2_000_000_000)
    assert texts(document, BY_HEADER, width=34)[9 : 9 + len(lines)] == lines


@pytest.mark.parametrize(
    ("kind", "said"),
    [("cash_in", "ВНЕСЕНИЕ ДЕНЕГ"), ("cash_out", "ИЗЪЯТИЕ ДЕНЕГ"), ("shift_opened", "СМЕНА ОТКРЫТА")],
)
def test_movements_of_cash_say_their_sum_and_openings_none(kind: str, said: str) -> None:
    lines = [one.strip() for one in texts(service_document(kind), BY_HEADER)]
    assert said in lines
    assert any("100,00" in one for one in lines) == (kind != "shift_opened")


def test_a_service_document_of_kazakhstan_ends_with_the_register() -> None:
    lines = texts(service_document("z_report"), KZ_HEADER, language="kk-ru")
    assert lines[0].strip() == "ТОО On"
    assert lines[-1] == "КЗН/ЗНМ: SWK00041900"
    assert "АУЫСЫМДЫҚ Z-ЕСЕП/СМЕННЫЙ Z-ОТЧЕТ" in [one.strip() for one in lines]


@pytest.mark.parametrize(("header", "mark"), [(BY_HEADER, "ДУБЛИКАТ"), (KZ_HEADER, "ТЕЛНҰСҚА/ДУБЛИКАТ")])
def test_every_print_but_the_first_is_marked(header: TapeHeader, mark: str) -> None:
    language = tape_language(header.country, "ru")
    for document in (receipt(), service_document("z_report")):
        first, copy = (tape(document, header, language=language, duplicate=again) for again in (False, True))
        assert copy[0].text.strip() == mark
        assert copy[0].style == "bold"
        assert copy[1:] == first


def test_an_autonomous_receipt_says_so() -> None:
    alone = tape(receipt(autonomous=True), KZ_HEADER, language="kk-ru")
    assert (alone[0].text.strip(), alone[0].style) == ("АВТОНОМДЫ/АВТОНОМНЫЙ", "bold")
    assert alone[1:] == tape(receipt(), KZ_HEADER, language="kk-ru")


def test_the_total_of_either_country_stands_out() -> None:
    for header, word in ((BY_HEADER, "ИТОГО К ОПЛАТЕ"), (KZ_HEADER, "ИТОГО:")):
        bold = [one.text for one in tape(receipt(), header) if one.style == "bold"]
        assert any(one.startswith(word) and "19,90" in one for one in bold)


def test_a_refund_names_what_it_takes_back() -> None:
    for header in (BY_HEADER, KZ_HEADER):
        assert "Основание: документ №11" in texts(receipt(kind="sale_refund", basis=11), header)
        assert not any("Основание" in one for one in texts(receipt(), header))


def test_a_marking_code_is_printed_without_its_separators() -> None:
    marked = receipt(lines=(line(marking="0104870249811936\x1d21abc\x1d93xyz"),))
    assert "  010487024981193621abc93xyz" in texts(marked, BY_HEADER)
    assert "   010487024981193621abc93xyz" in texts(marked, KZ_HEADER)


def test_a_name_cannot_forge_a_line_of_its_own() -> None:
    forged = receipt(lines=(line(name="Хлеб\nИТОГО К ОПЛАТЕ 0,01\u2028\u202e\x1b[2J"),))
    for header in (BY_HEADER, KZ_HEADER):
        assert not any(one.startswith("ИТОГО К ОПЛАТЕ 0,01") for one in texts(forged, header))
        assert all(character.isprintable() for one in texts(forged, header) for character in one)


def test_a_long_name_wraps_between_words() -> None:
    name = "Кофе зерновой «Эфиопия Иргачеффе» натуральной обработки"
    assert texts(receipt(lines=(line(name=name),)), BY_HEADER, width=34)[14:16] == [
        "Кофе зерновой «Эфиопия Иргачеффе»",
        "натуральной обработки",
    ]


def test_english_has_a_decimal_point() -> None:
    lines = texts(receipt(), BY_HEADER, width=48, language="en")
    assert "  45.90 x 0.35 kg                        = 16.07" in lines
    assert "TOTAL TO PAY                           19.90 BYN" in lines


def test_both_addresses_are_printed_where_there_are_two() -> None:
    header = replace(KZ_HEADER, address_kk="Қошқарбаев к., 46")
    lines = texts(receipt(), header, language="kk-ru")
    assert lines.index("Қошқарбаев к., 46") == lines.index("Koshkarbaeva 46") - 1


def test_a_point_without_an_address_is_named_instead() -> None:
    assert "Центр" in texts(receipt(), replace(KZ_HEADER, address=""))


def test_the_time_is_the_wall_clock_of_the_point() -> None:
    document = receipt(issued_at=datetime(2024, 2, 29, 17, 59, 59, tzinfo=UTC))
    later = receipt(issued_at=document.issued_at + timedelta(seconds=1))
    assert "Время: 29.02.2024 23:59:59" in texts(document, KZ_HEADER)
    assert "Время: 29.02.2024 23:00:00" in texts(later, KZ_HEADER)
    assert "29.02.2024 20:59:59" in texts(document, BY_HEADER)


def test_the_code_of_a_receipt_of_belarus_is_its_sign() -> None:
    assert qr_of(receipt(), BY_HEADER) == UI
    codes = [one for one in tape(receipt(), BY_HEADER) if one.style == "qr"]
    assert [one.text for one in codes] == [UI]


def test_the_code_of_a_receipt_of_kazakhstan_is_where_to_check_it() -> None:
    document = receipt(
        fiscal_sign="367645207",
        issued_at=datetime.fromisoformat("2026-01-15T14:30:05+05:00"),
        total_minor=50_000,
    )
    header = replace(KZ_HEADER, registration_number="032600010282")
    assert qr_of(document, header) == (
        "https://consumer.oofd.kz/?i=367645207&f=032600010282&s=500.00&t=20260115T143005"
    )
    other = Operator("ТОО", "ЖШС", "consumer.wofd.kz", "https://consumer.wofd.kz", "906")
    assert str(qr_of(document, replace(header, operator=other))).startswith(
        "https://consumer.wofd.kz?i=367645207"
    )
    assert "КСН/ИНК: 906" in texts(document, replace(header, operator=other), language="kk-ru")


def test_there_is_no_code_without_a_sign_or_a_registration_or_a_receipt() -> None:
    unregistered = replace(KZ_HEADER, registration_number=None)
    for document, header in (
        (receipt(fiscal_sign=None), BY_HEADER),
        (receipt(fiscal_sign=None), KZ_HEADER),
        (receipt(), unregistered),
        (service_document("z_report", fiscal_sign=UI), BY_HEADER),
        (service_document("cash_in", fiscal_sign=UI), KZ_HEADER),
    ):
        assert qr_of(document, header) is None
        assert all(one.style != "qr" for one in tape(document, header))


@pytest.mark.parametrize(
    ("country", "reader", "language"),
    [
        ("kz", "ru", "kk-ru"),
        ("kz", "kk", "kk-ru"),
        ("kz", "be", "kk-ru"),
        ("kz", "en", "en"),
        ("by", "ru", "ru"),
        ("by", "kk", "ru"),
        ("by", "be", "be"),
        ("by", "en", "en"),
    ],
)
def test_a_reader_gets_the_tape_that_the_country_prints(country: str, reader: str, language: str) -> None:
    assert tape_language(country, reader) == language


def test_every_caption_is_said_in_every_language_and_every_kind_has_one() -> None:
    for name, words in CAPTIONS.items():
        assert all(words), name
        assert caption(name, "kk-ru") == f"{words.kk}/{words.ru}"
    assert set(KIND_BY_NAME) <= set(CAPTIONS)


@pytest.mark.parametrize("width", [0, 33, 35, 49, 79, 96])
def test_refuses_a_width_that_no_printer_has(width: int) -> None:
    with pytest.raises(ValueError, match="characters wide"):
        tape(receipt(), BY_HEADER, width=width)


def test_refuses_a_country_without_a_tape() -> None:
    with pytest.raises(ValueError, match="no tape is known"):
        replace(BY_HEADER, country="BY")


def test_a_rounded_line_of_belarus_shows_the_product_before_it_was_rounded() -> None:
    rounded = receipt(lines=(line(price_minor=333, quantity_milli=1500, sum_minor=501, rounding_minor=1),))
    said = [one.strip() for one in texts(rounded, BY_HEADER, width=34)]
    start = said.index("Хлеб")
    assert [one.split("  ")[0] for one in said[start + 1 : start + 4]] == [
        "3,33 x 1,5 шт",
        "Округление",
        "Стоимость",
    ]
    assert said[start + 1].endswith("= 5,00")
    assert said[start + 2].endswith(" 0,01")
    assert said[start + 3].endswith(" 5,01")


def test_a_word_is_not_cut_to_make_room_for_a_sum() -> None:
    name = "Суперпостояннопокупательская"
    modified = receipt(
        discount_minor=10_000_00, markup_minor=0, modifiers=(Modifier(name=name, sum_minor=10_000_00),)
    )
    said = texts(modified, BY_HEADER, width=34)
    place = said.index(name)
    assert said[place + 1] == "-10 000,00".rjust(34)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("header", [KZ_HEADER, BY_HEADER], ids=["kz", "by"])
def test_a_price_is_never_broken_in_two(header: TapeHeader, width: int) -> None:
    """Thousands are set apart by spaces, at which a line must not end."""
    for quantity in (1, 12_345_678, 1_000_000_000):
        dear = line(price_minor=10_000_000_000_000, quantity_milli=quantity, sum_minor=1, unit=876)
        said = texts(receipt(lines=(dear,)), header, width=width, language="kk-ru")
        assert any("100 000 000 000,00" in one for one in said)


def test_sums_too_large_for_a_table_are_printed_below_one_another() -> None:
    rows = (SectionRow(section=1, sale_count=1, sale_minor=12_345_678_901_23),)
    report = SectionReport(
        cashier=None,
        cashier_code=1,
        document_ordinal=1,
        issued_at=ISSUED_AT,
        requisites=Requisites(factory_number="1", organisation="ТОО", tax_id="971240001315"),
        rows=rows,
        shift=1,
    )
    said = [one.text for one in report_tape(report, BY_HEADER, width=80)]
    assert said.count("Секция 1") == 1
    assert [one for one in said if one.endswith(" 12 345 678 901,23") and len(one) == 80]


def test_what_is_no_receipt_has_no_code_even_if_one_is_given() -> None:
    for header in (BY_HEADER, KZ_HEADER):
        lines = tape(service_document("z_report", fiscal_sign=UI), header, qr="https://example.com")
        assert all(one.style != "qr" for one in lines)
