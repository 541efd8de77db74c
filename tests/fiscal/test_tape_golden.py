"""Golden tapes: what each printer puts out, kept as text that people can read beside the code that makes it.

`python -m tests.fiscal.test_tape_golden` writes them anew after a wanted change; every difference is to be looked at.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.fiscal.documents import Document
from portal.fiscal.tape import WIDTHS, Report, TapeHeader, TapeLine, report_tape, tape
from tests.fiscal.samples import BY_HEADER, KZ_HEADER, manual_receipt, receipt
from tests.fiscal.shifts import KZ, belarusian_shift, kazakh_shift

TAPES = Path(__file__).parent / "tapes"


Choices = dict[str, Any]

MANUAL: dict[str, tuple[Document, TapeHeader, Choices]] = {
    **{
        f"manual_{width}": (manual_receipt(), KZ_HEADER, {"width": width, "language": "kk-ru"})
        for width in WIDTHS
    },
    **{
        f"manual_{language}": (manual_receipt(), KZ_HEADER, {"width": 48, "language": language})
        for language in ("ru", "kk", "be", "en")
    },
    **{
        f"belarus_{language}": (receipt(), BY_HEADER, {"width": 34, "language": language})
        for language in ("ru", "be", "en")
    },
}
SHIFTS = {"kz": kazakh_shift(), "by": belarusian_shift()}
# Every kind of document of either country on its usual paper; reports on all papers.
DOCUMENTS: dict[str, tuple[Document, TapeHeader, Choices]] = {
    f"{country}_{name}_{width}": (document, shift.header, {"width": width, "language": language})
    for country, width, language in (("kz", 48, "kk-ru"), ("by", 34, "ru"))
    for shift in (SHIFTS[country],)
    for name, document in shift.documents.items()
} | {
    f"{country}_z_report_{width}": (
        SHIFTS[country].documents["z_report"],
        SHIFTS[country].header,
        {"width": width, "language": language, "duplicate": True},
    )
    for country, width, language in (
        ("kz", 34, "kk-ru"),
        ("kz", 36, "kk"),
        ("kz", 80, "en"),
        ("by", 36, "be"),
        ("by", 80, "ru"),
    )
}
REPORTS: dict[str, tuple[Report, TapeHeader, Choices]] = {
    f"{country}_report_{name}_{width}": (
        report,
        SHIFTS[country].header,
        {"width": width, "language": language},
    )
    for country, width, language in (
        ("kz", 34, "kk-ru"),
        ("kz", 80, "kk-ru"),
        ("by", 48, "be"),
        ("by", 80, "ru"),
    )
    for name, report in SHIFTS[country].reports.items()
}
KNOWN_LATER: Choices = {
    "width": 48,
    "language": "kk-ru",
    "sign": "1028891939135",
    "qr": "https://ctest.wofd.kz/consumer?i=1028891939135&f=281119950001&s=17219.00&t=20261120T090500",
}


def drawn(lines: list[TapeLine]) -> str:
    """A tape as a text file; a square code is said in brackets, bold lines end with a mark."""
    marks = {"qr": "[QR] {}", "bold": "{} *"}
    return "".join(marks.get(one.style, "{}").format(one.text) + "\n" for one in lines)


def printed() -> Iterator[tuple[str, str]]:
    """Every golden tape by its name."""
    for name, (document, header, choices) in (MANUAL | DOCUMENTS).items():
        yield name, drawn(tape(document, header, **choices))
    for name, (report, header, choices) in REPORTS.items():
        yield name, drawn(report_tape(report, header, **choices))
    sale = SHIFTS["kz"].documents["sale"]
    yield "kz_sale_signed", drawn(tape(sale, KZ, **KNOWN_LATER))
    late = KNOWN_LATER | {"sign": "3371171845", "is_autonomous": True, "qr": None, "duplicate": True}
    yield "kz_sale_late", drawn(tape(sale, KZ, **late))


GOLDEN = dict(printed())


@pytest.mark.parametrize("name", GOLDEN)
def test_the_tape_is_the_one_that_was_looked_at(name: str) -> None:
    assert GOLDEN[name] == (TAPES / f"{name}.txt").read_text(encoding="utf-8")


def test_every_golden_tape_is_still_printed() -> None:
    assert {path.stem for path in TAPES.iterdir()} == set(GOLDEN)


def test_the_total_of_the_manual_is_the_one_that_adds_up() -> None:
    """Its sample says 14 500; its lines and payments say 14 580."""
    assert "БАРЛЫҒЫ/ИТОГО:                         14 580,00 *\n" in GOLDEN["manual_48"]


def test_nothing_that_was_struck_out_is_printed() -> None:
    for shift in SHIFTS.values():
        for document in shift.documents.values():
            said = drawn(tape(document, shift.header))
            assert "Сторнированный" not in said
            assert "990,00\n" not in said.replace("4 990,00\n", "")
    assert SHIFTS["kz"].documents["sale"].stornos


if __name__ == "__main__":
    # After a wanted change: write them anew, and look at every difference.
    for path in TAPES.iterdir():
        path.unlink()
    for golden, text in GOLDEN.items():
        (TAPES / f"{golden}.txt").write_text(text, encoding="utf-8")
