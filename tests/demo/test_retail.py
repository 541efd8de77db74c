"""The Online Retail mapping: dirty rows in, documents of tills out, to the last kopeck."""

import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.demo.retail import Tally, batches_of, read_retail
from portal.fiscal import codec
from portal.fiscal.checks import check
from portal.fiscal.dialects import BELARUS
from portal.fiscal.documents import Document

HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
FIRST_DAY = """\
536366,22633,HAND WARMER,6,2010-12-01 08:28:00,1.85,17850.0,United Kingdom
536365,85123A,"HEART, ""WHITE"" T",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,71053,,3,2010-12-01 08:27:00,3.395,17850.0,United Kingdom
536365,POST,POSTAGE,0,2010-12-01 08:26:00,5.00,17850.0,United Kingdom
C536368,D,Discount,-1,2010-12-01 09:41:00,27.50,14527.0,United Kingdom
536367,GIFT,CAFÉ GIFT,2,2010-12-01 09:50:00,0.005,,France
536369,M,Manual,-4,2010-12-01 10:00:00,0.00,,France
A563185,B,Adjust bad debt,1,2010-12-01 14:50:00,11062.06,,United Kingdom
536370,X,broken,many,2010-12-01 11:00:00,1.00,,France
"""
SECOND_DAY = """\
536371,22633,HAND WARMER,100,2010-12-02 08:28:00,0.215,17850.0,United Kingdom
C536371,22633,HAND WARMER,-1,2010-12-02 07:00:00,1000.00,17850.0,United Kingdom
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two days of receipts."""
    (tmp_path / "2010-12-02.csv").write_text(HEAD + SECOND_DAY, encoding="utf-8")
    (tmp_path / "2010-12-01.csv").write_text(HEAD + FIRST_DAY, encoding="utf-8")
    return tmp_path


def documents_of(source: Path, register: str) -> list[Document]:
    """Everything one register sends."""
    batches = batches_of(register, read_retail(source).invoices[register])
    return [codec.decode(raw) for batch in batches for raw in codec.split(batch.body)]


def test_counts_what_becomes_a_receipt_and_leaves_out_what_does_not(folder: Path) -> None:
    retail = read_retail(folder)
    assert retail.countries == ("France", "United Kingdom")
    assert retail.tally == Tally(
        sale_count=4,
        gross_minor=1530 + 1019 + 1110 + 1 + 2150,
        refund_count=2,
        refund_minor=2750 + 100_000,
        lines_kept=7,
        lines_left=3,
    )
    assert retail.tally.net_minor == 5810 - 102_750


def test_the_digits_of_the_number_choose_one_of_three_registers(folder: Path) -> None:
    assert {
        register: [invoice.number for invoice in invoices]
        for register, invoices in read_retail(folder).invoices.items()
    } == {
        "UNITED-KINGDOM-2": ["536366"],
        "UNITED-KINGDOM-1": ["536365", "C536368", "536371", "C536371"],
        "FRANCE-0": ["536367"],
    }


def test_a_day_is_a_shift_with_its_z_report(folder: Path) -> None:
    documents = documents_of(folder, "UNITED-KINGDOM-1")
    assert [(document.shift, document.kind) for document in documents] == [
        (1, "shift_opened"),
        (1, "cash_in"),
        (1, "sale"),
        (1, "sale_refund"),
        (1, "z_report"),
        (2, "shift_opened"),
        (2, "sale_refund"),
        (2, "sale"),
        (2, "z_report"),
    ]
    sale = documents[2]
    assert sale.issued_at == datetime(2010, 12, 1, 6, 27, tzinfo=UTC)
    assert sale.fiscal_sign == "536365"
    assert sale.total_minor == 2549
    assert sale.payments.card_minor == 2549
    z_report = documents[4]
    assert z_report.totals is not None
    assert (z_report.totals.sale_minor, z_report.totals.refund_minor) == (2549, 2750)
    assert z_report.totals.cash_minor == 0


def test_a_price_of_tenths_of_a_kopeck_is_rounded_per_line_and_the_line_still_adds_up(folder: Path) -> None:
    lines = documents_of(folder, "UNITED-KINGDOM-1")[2].lines
    assert [(line.name, line.sum_minor) for line in lines] == [('HEART, "WHITE" T', 1530), ("71053", 1019)]
    bulk = documents_of(folder, "UNITED-KINGDOM-1")[7].lines[0]
    assert (bulk.price_minor, bulk.discount_minor, bulk.sum_minor) == (22, 50, 2150)


def test_documents_break_no_rule_but_that_nobody_knows_what_a_refund_takes_back(folder: Path) -> None:
    codes: set[str] = set()
    for register in read_retail(folder).invoices:
        previous = None
        for document in documents_of(folder, register):
            remarks = check(
                document,
                dialect=BELARUS,
                shift_opened_at=document.issued_at,
                received_at=datetime.now(UTC),
                previous_issued_at=previous,
            )
            codes |= {code for code, _ in remarks}
            previous = document.issued_at
    assert codes == {"basis_missing"}


def test_the_archive_says_the_same_as_the_folder(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "retail.tgz"
    with tarfile.open(packed, "w:gz") as archive:
        for path in sorted(folder.glob("*.csv"), reverse=True):
            archive.add(path, f"retail_by_day/{path.name}")
    from_folder, from_archive = read_retail(folder), read_retail(packed)
    for register, invoices in from_folder.invoices.items():
        assert list(batches_of(register, invoices)) == list(
            batches_of(register, from_archive.invoices[register])
        )


def test_the_days_so_far_have_the_numbers_and_keys_they_keep_later(folder: Path) -> None:
    whole = list(batches_of("UNITED-KINGDOM-1", read_retail(folder).invoices["UNITED-KINGDOM-1"]))
    (folder / "2010-12-02.csv").unlink()
    first_day = list(batches_of("UNITED-KINGDOM-1", read_retail(folder).invoices["UNITED-KINGDOM-1"]))
    assert whole[: len(first_day)] == first_day


@pytest.mark.parametrize("name", ["empty", "notes.txt"])
def test_refuses_what_holds_no_receipts(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    if name == "empty":
        source.mkdir()
    else:
        source.write_text("nothing here")
    with pytest.raises(ValueError, match=r"holds no CSV files|neither a folder nor a tar archive"):
        read_retail(source)


def test_refuses_a_file_with_other_columns(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="without InvoiceNo or Country"):
        read_retail(tmp_path)
