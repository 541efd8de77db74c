"""What is true of every tape: it is never too wide, nothing that the document says is lost, sums end at the right edge."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.fiscal.captions import TapeLanguage
from portal.fiscal.documents import (
    KIND_BY_NAME,
    OPERATIONS,
    SUM_MAX,
    Basis,
    CashierTotals,
    Document,
    Line,
    Modifier,
    MovementTotals,
    OperationTotals,
    Payments,
    SectionTotals,
    ShiftReport,
    Storno,
    TaxShare,
    TaxTotals,
    Totals,
)
from portal.fiscal.paper import cells, printable
from portal.fiscal.report_forms import (
    CashierReport,
    ControlTape,
    FiscalReport,
    Requisites,
    SectionReport,
    SectionRow,
    ShiftRow,
    TapeRow,
)
from portal.fiscal.tape import (
    GROUP_SEPARATOR,
    OPERATORS,
    WIDTHS,
    Report,
    TapeHeader,
    TapeLine,
    qr_of,
    report_tape,
    tape,
)
from tests.fiscal.samples import BY_HEADER, KZ_HEADER, UI, manual_receipt, receipt, service_document
from tests.fiscal.shifts import kazakh_shift

# A document that says everything takes long to make up.
thorough = settings(max_examples=40)

LANGUAGES: tuple[TapeLanguage, ...] = get_args(TapeLanguage)
RECEIPTS = ("sale", "sale_refund", "purchase", "purchase_refund", "annulment")

sums = st.integers(0, SUM_MAX)
life = st.integers(0, 9_000_000_000_000_000_000)
counts = st.integers(0, 2_000_000_000)
some = st.integers(1, 2_000_000_000)
words = st.text(min_size=1, max_size=60)
codes = st.text(min_size=1, max_size=20)
moments = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
signs = st.from_regex("[0-9A-Za-z]{1,32}", fullmatch=True)
rates = st.none() | st.integers(0, 10_000)
rounded = st.integers(-100, 100)
lines = st.builds(
    Line,
    barcode=st.none() | codes,
    currency=st.none() | st.sampled_from(["USD", "EUR"]),
    discount_minor=sums,
    excise=st.none() | words,
    marking=st.none() | words,
    markings=st.lists(words, max_size=3).map(tuple),
    markup_minor=sums,
    name=words,
    ntin=st.none() | st.from_regex("[0-9]{13}", fullmatch=True),
    price_minor=sums,
    quantity_milli=st.integers(1, 10**9),
    rounding_minor=rounded,
    sum_minor=sums,
    tax_minor=sums,
    tax_rate=rates,
    unit=st.integers(1, 99_999) | st.sampled_from([796, 166, 18, 841]),
)
shares = st.builds(TaxShare, sum_minor=sums, tax_minor=sums, tax_rate=rates)
modifiers = st.builds(
    Modifier,
    markup=st.booleans(),
    name=st.none() | words,
    shares=st.lists(shares, max_size=2).map(tuple),
    sum_minor=sums,
)
bases = st.builds(
    Basis,
    autonomous=st.booleans(),
    fiscal_sign=signs,
    issued_at=moments,
    registration_number=codes,
    total_minor=sums,
)
operations = st.tuples(
    *(
        st.builds(
            OperationTotals,
            operation=st.just(name),
            **{
                field: some if field.endswith("count") else sums
                for field in OperationTotals.__struct_fields__
                if field != "operation" and "non_nullable" not in field
            },
            non_nullable_minor=life,
            start_non_nullable_minor=life,
        )
        for name in OPERATIONS
    )
)
movements = st.builds(MovementTotals, count=counts, life_count=counts, offline_count=counts, sum_minor=sums)
cashiers = st.builds(
    CashierTotals,
    name=codes,
    **{
        field: sums if field.endswith("minor") else counts
        for field in CashierTotals.__struct_fields__
        if field != "name"
    },
)
taxes = st.builds(
    TaxTotals,
    operation=st.sampled_from(OPERATIONS),
    tax_minor=sums,
    tax_rate=st.integers(0, 10_000),
    turnover_minor=sums,
)
reports = st.builds(
    ShiftReport,
    annulled_count=counts,
    annulled_life_count=some,
    annulled_minor=sums,
    cash_in=movements,
    cash_minor=sums,
    cash_out=movements,
    cashiers=st.lists(cashiers, max_size=2).map(tuple),
    checksum=st.none() | st.from_regex("[0-9A-F]{8}", fullmatch=True),
    closed_at=st.none() | moments,
    opened_at=moments,
    operations=operations,
    receipt_count=counts,
    revenue_minor=st.integers(-SUM_MAX, SUM_MAX),
    sections=st.lists(
        st.builds(
            SectionTotals,
            count=counts,
            operation=st.sampled_from(OPERATIONS),
            section=st.integers(0, 65535),
            sum_minor=sums,
        ),
        max_size=3,
    ).map(tuple),
    taxes=st.lists(taxes, max_size=2).map(tuple),
)
totals = st.builds(
    Totals, **{name: sums if name.endswith("minor") else counts for name in Totals.__struct_fields__}
)


def documents(kinds: tuple[str, ...]) -> st.SearchStrategy[Document]:
    """Documents of some kinds that say whatever a document can say, sensible or not."""
    return st.builds(
        Document,
        autonomous=st.booleans(),
        basis=st.none() | st.integers(1, 10**12),
        basis_receipt=st.none() | bases,
        buyer=st.none() | st.from_regex("[0-9A-Z]{9,12}", fullmatch=True),
        cashier=st.none() | codes,
        cashier_code=counts,
        change_minor=sums,
        currency=st.sampled_from([None, "BYN", "KZT"]),
        discount_minor=sums,
        fiscal_sign=st.none() | signs,
        issued_at=moments,
        kind=st.sampled_from(kinds),
        lines=st.lists(lines, max_size=3).map(tuple),
        markup_minor=sums,
        modifiers=st.lists(modifiers, max_size=2).map(tuple),
        number=st.integers(1, 10**12),
        ordinal=counts,
        payments=st.builds(Payments, card_minor=sums, cash_minor=sums, mobile_minor=sums, other_minor=sums),
        register=codes,
        report=st.none() | reports,
        rounding_minor=rounded,
        shift=st.integers(1, 2_000_000_000),
        stornos=st.lists(st.builds(Storno, line=lines, place=st.just(1)), max_size=2).map(tuple),
        total_minor=sums,
        totals=st.none() | totals,
    )


headers = st.builds(
    TapeHeader,
    country=st.sampled_from(["by", "kz"]),
    organisation=words,
    tax_id=codes,
    point=words,
    address=st.text(max_size=120),
    zone=st.sampled_from(["Europe/Minsk", "Asia/Almaty"]),
    register=words,
    factory_number=codes,
    registration_number=st.none() | codes,
    address_kk=st.none() | words,
    vat_certificate=st.none() | words,
    operator=st.sampled_from(list(OPERATORS.values())),
)
papers = st.sampled_from(WIDTHS)
languages = st.sampled_from(LANGUAGES)
whose = Requisites(factory_number="1", organisation="ТОО", tax_id="971240001315")


def check(lines: list[TapeLine], width: int) -> None:
    for one in lines:
        if one.style == "qr":
            continue
        assert len(one.text) <= cells(one.text) <= width
        assert one.text.strip()
        assert one.text == one.text.rstrip()
        assert all(character.isprintable() for character in one.text)
        assert (one.style == "rule") == (one.text == "-" * width)


def money(minor: int, language: str) -> str:
    """A sum as it should be printed, worked out in another way than the tape does."""
    digits = str(abs(minor)).rjust(3, "0")
    whole, rest, groups = digits[:-2], digits[-2:], []
    while whole:
        whole, group = whole[:-3], whole[-3:]
        groups.append(group)
    point = "." if language == "en" else ","
    return ("-" if minor < 0 else "") + " ".join(reversed(groups)) + point + rest


def at_the_edge(lines: list[TapeLine], minor: int, width: int, language: str, ending: str = "") -> bool:
    said = money(minor, language) + ending
    return any(
        cells(one.text) == width and (one.text == said or one.text.endswith(" " + said)) for one in lines
    )


def letters(text: str) -> str:
    return "".join(printable(text).split())


@thorough
@given(documents(tuple(KIND_BY_NAME)), headers, papers, languages, st.booleans())
def test_no_line_is_ever_longer_than_the_tape(
    document: Document, header: TapeHeader, width: int, language: TapeLanguage, duplicate: bool
) -> None:
    check(tape(document, header, width=width, language=language, duplicate=duplicate), width)


@thorough
@given(documents(RECEIPTS), headers, papers, languages)
def test_every_sum_of_a_receipt_stands_at_the_right_edge(
    document: Document, header: TapeHeader, width: int, language: TapeLanguage
) -> None:
    made = tape(document, header, width=width, language=language)
    asked: list[int] = [line.sum_minor for line in document.lines if header.country == "kz"]
    for line in document.lines:
        asked += [-line.discount_minor, line.markup_minor, line.rounding_minor]
        if line.discount_minor or line.markup_minor or line.rounding_minor:
            asked.append(line.sum_minor)
        else:
            # A plain line of Belarus says its sum after the equals sign.
            assert header.country == "kz" or at_the_edge(made, line.sum_minor, width, language)
        if line.tax_rate is not None:
            asked.append(line.tax_minor)
        assert any(money(line.price_minor, language) in one.text for one in made)
    asked += [one.sum_minor if one.markup else -one.sum_minor for one in document.modifiers]
    asked += [document.rounding_minor, document.change_minor]
    asked += list(msgspec.structs.asdict(document.payments).values())
    if document.basis_receipt is not None:
        asked.append(document.basis_receipt.total_minor)
    for minor in asked:
        assert not minor or at_the_edge(made, minor, width, language), money(minor, language)
    ending = "" if header.country == "kz" else f" {document.currency or 'BYN'}"
    bold = [one for one in made if one.style == "bold"]
    assert at_the_edge(bold, document.total_minor, width, language, ending)


@thorough
@given(reports, headers, papers, languages, st.sampled_from(["x_report", "z_report"]))
def test_every_figure_of_a_report_stands_at_the_right_edge(
    report: ShiftReport, header: TapeHeader, width: int, language: TapeLanguage, kind: str
) -> None:
    made = tape(service_document(kind, report=report), header, width=width, language=language)
    asked = [report.revenue_minor, report.cash_minor, report.annulled_minor]
    asked += [report.cash_in.sum_minor, report.cash_out.sum_minor]
    for part in (*report.operations, *report.sections, *report.taxes, *report.cashiers):
        asked += [value for name, value in msgspec.structs.asdict(part).items() if name.endswith("_minor")]
    for minor in asked:
        assert not minor or at_the_edge(made, minor, width, language), money(minor, language)
    said = letters(" ".join(one.text for one in made)).replace(".", "")
    counted = [report.receipt_count, report.annulled_count, report.annulled_life_count]
    for movement in (report.cash_in, report.cash_out):
        counted += [movement.count, movement.life_count, movement.offline_count]
    for operation in report.operations:
        counted += [
            value for name, value in msgspec.structs.asdict(operation).items() if name.endswith("count")
        ]
    for one in counted:
        assert not one or f"{one}" in said
    assert report.checksum is None or report.checksum in said


@thorough
@given(documents(RECEIPTS), headers, papers, languages)
def test_wrapping_loses_no_letter(
    document: Document, header: TapeHeader, width: int, language: TapeLanguage
) -> None:
    made = tape(document, header, width=width, language=language)
    said = "".join(letters(one.text) for one in made if one.style != "qr")
    texts = [header.organisation, header.tax_id, header.register, header.factory_number]
    texts += [document.cashier or "", document.buyer or "", document.fiscal_sign or ""]
    texts += [one.name or "" for one in document.modifiers]
    for line in document.lines:
        texts += [line.name, line.barcode or "", line.ntin or "", line.excise or ""]
        texts += [code.replace(GROUP_SEPARATOR, "") for code in (line.marking or "", *line.markings)]
    for text in texts:
        assert letters(text).replace("\N{INFORMATION SEPARATOR ONE}", "") in said


@thorough
@given(documents(RECEIPTS), headers, papers, languages)
def test_what_was_struck_out_leaves_no_trace(
    document: Document, header: TapeHeader, width: int, language: TapeLanguage
) -> None:
    clean = msgspec.structs.replace(document, stornos=())
    kept = tape(clean, header, width=width, language=language)
    assert tape(document, header, width=width, language=language) == kept


section_rows = st.builds(
    SectionRow,
    **{name: sums if name.endswith("minor") else counts for name in SectionRow.__struct_fields__},
)
tape_rows = st.builds(
    TapeRow,
    basis=st.none() | counts,
    cashier=st.none() | codes,
    cashier_code=counts,
    fiscal_sign=st.none() | signs,
    is_autonomous=st.booleans(),
    issued_at=moments,
    kind=st.sampled_from(sorted(KIND_BY_NAME)),
    number=st.integers(1, 10**12),
    ordinal=counts,
    total_minor=sums,
)
shift_rows = st.builds(
    ShiftRow,
    cash_minor=sums,
    closed_at=st.none() | moments,
    opened_at=moments,
    operations=operations,
    revenue_minor=st.integers(-SUM_MAX, SUM_MAX),
    shift=counts,
)
common: dict[str, Any] = {"issued_at": moments, "requisites": st.just(whose)}
listings = (
    st.builds(
        SectionReport,
        cashier=st.none() | codes,
        cashier_code=counts,
        document_ordinal=counts,
        rows=st.lists(section_rows, max_size=3).map(tuple),
        shift=counts,
        **common,
    )
    | st.builds(
        CashierReport,
        cashier=st.none() | codes,
        cashier_code=counts,
        document_ordinal=counts,
        rows=st.lists(cashiers, max_size=3).map(tuple),
        shift=counts,
        **common,
    )
    | st.builds(
        ControlTape,
        document_ordinal=counts,
        rows=st.lists(tape_rows, max_size=3).map(tuple),
        shift=counts,
        **common,
    )
    | st.builds(
        FiscalReport,
        annulled_count=some,
        annulled_minor=sums,
        cash_in=movements,
        cash_minor=sums,
        cash_out=movements,
        first_shift=counts,
        last_shift=counts,
        operations=operations,
        revenue_minor=st.integers(-SUM_MAX, SUM_MAX),
        rows=st.lists(shift_rows, max_size=2).map(tuple),
        taxes=st.lists(taxes, max_size=2).map(tuple),
        **common,
    )
)


@thorough
@given(listings, headers, papers, languages, st.booleans())
def test_no_line_of_a_report_is_ever_longer_than_the_tape(
    report: Report, header: TapeHeader, width: int, language: TapeLanguage, duplicate: bool
) -> None:
    check(report_tape(report, header, width=width, language=language, duplicate=duplicate), width)


def figures_of(report: Report) -> list[int]:
    """What a report must say in money, row by row."""
    match report:
        case SectionReport():
            return [
                value
                for row in report.rows
                for name, value in msgspec.structs.asdict(row).items()
                if name.endswith("_minor")
            ]
        case CashierReport():
            return [
                value
                for row in report.rows
                for name, value in msgspec.structs.asdict(row).items()
                if name.endswith("_minor")
            ]
        case ControlTape():
            silent = ("shift_opened", "x_report", "z_report")
            return [row.total_minor for row in report.rows if row.kind not in silent]
        case FiscalReport():
            rows = [row.operations[0].sum_minor for row in report.rows]
            rows += [row.operations[1].sum_minor for row in report.rows]
            rows += [row.revenue_minor for row in report.rows]
            return [*rows, report.revenue_minor, report.cash_minor, report.annulled_minor]
    raise AssertionError(report)


@thorough
@given(listings, headers, papers, languages)
def test_every_sum_of_a_report_is_on_its_tape(
    report: Report, header: TapeHeader, width: int, language: TapeLanguage
) -> None:
    made = report_tape(report, header, width=width, language=language)
    said = "\n".join(f" {one.text} " for one in made)
    for minor in figures_of(report):
        assert not minor or f" {money(minor, language)} " in said, money(minor, language)


# The square code.


@pytest.mark.parametrize(
    ("operator", "address"),
    [
        (1, "https://consumer.oofd.kz/?i="),
        (2, "http://ofd1.kz/t/?i="),
        (3, "http://consumer.kofd.kz?i="),
        (4, "https://consumer.wofd.kz?i="),
    ],
)
def test_the_code_leads_to_the_operator_of_the_register(operator: int, address: str) -> None:
    header = replace(KZ_HEADER, operator=OPERATORS[operator])
    facts = "1028891939135&f=281119950001&s=14580.00&t=20200117T121735"
    assert qr_of(manual_receipt(), header) == address + facts
    made = tape(manual_receipt(), header)
    assert [one.text for one in made if one.style == "qr"] == [address + facts]
    said = "".join(one.text for one in made if one.style != "qr")
    assert OPERATORS[operator].site in said
    assert OPERATORS[operator].name in said


def test_the_operators_own_code_wins() -> None:
    own = "https://ctest.wofd.kz/consumer?i=1"
    for document, header in ((manual_receipt(), KZ_HEADER), (receipt(), BY_HEADER)):
        assert [one.text for one in tape(document, header, qr=own) if one.style == "qr"] == [own]
    assert not any(one.style == "qr" for one in tape(service_document("z_report"), KZ_HEADER, qr=own))


def test_the_code_of_belarus_is_the_identifier() -> None:
    assert qr_of(receipt(), BY_HEADER) == UI


def test_a_sign_that_came_later_is_printed_and_coded() -> None:
    sale = kazakh_shift().documents["sale"]
    assert sale.fiscal_sign is None
    unsigned = tape(sale, KZ_HEADER)
    assert not any(one.style == "qr" for one in unsigned)
    signed = tape(sale, KZ_HEADER, sign="555")
    assert "Чек №555" in [one.text for one in signed]
    assert "ФП: 555" in [one.text for one in signed]
    assert any("?i=555&" in one.text for one in signed if one.style == "qr")


def test_what_became_autonomous_later_says_so_and_what_did_not_does_not() -> None:
    sale = kazakh_shift().documents["sale"]
    late = tape(sale, KZ_HEADER, is_autonomous=True)
    assert late[0].text.strip() == "АВТОНОМНЫЙ"
    assert late[1:] == tape(sale, KZ_HEADER)
    alone = msgspec.structs.replace(sale, autonomous=True)
    assert tape(alone, KZ_HEADER) == late
    assert tape(alone, KZ_HEADER, is_autonomous=False) == late[1:]
