"""What a tape is made of: lines of so many characters, ready to print in a monospaced face."""

from dataclasses import dataclass
from typing import Final, Literal

Style = Literal["normal", "bold", "centre", "rule", "qr"]

# An A4 page: so many characters of ten points (a tenth of an inch each is six points wide) leave margins of two centimetres.
A4: Final = 80

# Rolls of 57 and 58 mm, of 80 mm, and the page.
WIDTHS: Final = (34, 36, 48, A4)


@dataclass(frozen=True, slots=True)
class TapeLine:
    """One line of a tape."""

    text: str
    style: Style = "normal"


def check_width(width: int) -> None:
    """A width that no printer has is a mistake in the program."""
    if width not in WIDTHS:
        raise ValueError(f"a tape is {WIDTHS} characters wide, not {width}")
