"""Golden tapes: what each printer puts out, kept as text that people can read beside the code that makes it."""

from pathlib import Path
from typing import Any

import pytest

from portal.fiscal.documents import Document
from portal.fiscal.tape import TapeHeader, TapeLine, tape
from tests.fiscal.samples import BY_HEADER, KZ_HEADER, manual_receipt, receipt

TAPES = Path(__file__).parent / "tapes"

CASES: dict[str, tuple[Document, TapeHeader, dict[str, Any]]] = {
    **{
        f"manual_{width}": (manual_receipt(), KZ_HEADER, {"width": width, "language": "kk-ru"})
        for width in (34, 36, 48, 80)
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


def drawn(lines: list[TapeLine]) -> str:
    """A tape as a text file; a square code is said in brackets, bold lines end with a mark."""
    marks = {"qr": "[QR] {}", "bold": "{} *"}
    return "".join(marks.get(one.style, "{}").format(one.text) + "\n" for one in lines)


@pytest.mark.parametrize("name", CASES)
def test_the_tape_is_the_one_that_was_looked_at(name: str) -> None:
    document, header, choices = CASES[name]
    assert drawn(tape(document, header, **choices)) == (TAPES / f"{name}.txt").read_text(encoding="utf-8")


def test_every_golden_tape_is_still_printed() -> None:
    assert {path.stem for path in TAPES.iterdir()} == set(CASES)
