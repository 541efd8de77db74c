"""The numbers that name taxpayers, registers and people: read, check, print.

Every `parse_` takes what a person may have typed and gives the canonical form, or None when it cannot be right.
"""

import re
from typing import Final

# Cyrillic letters that people type for the Latin ones of a number, because they look the same.
_LOOKALIKES: Final = str.maketrans("АВСЕНКМОРТХУ", "ABCEHKMOPTXY")
_SEPARATORS: Final = re.compile(r"[\s\-‐‑–—.()/]+")

_UNP_WEIGHTS: Final = (29, 23, 19, 17, 13, 7, 5, 3)
_UNP_LETTERS: Final = "ABCEHKMOPT"
_UNP_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_UNP: Final = re.compile(r"(?:[1-7][0-9]|[ABCEHKM][ABCEHKMOPT])[0-9]{7}")

_BIN_FIRST_ROUND: Final = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
_BIN_SECOND_ROUND: Final = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)

_AREA_CODES_BY: Final = frozenset({"15", "16", "17", "21", "22", "23", "24", "25", "29", "33", "44"})


def parse_bin(text: str) -> str | None:
    """A Kazakh БИН or ИИН: twelve digits, the last of which proves the others."""
    number = _compact(text, ("БИН", "ИИН", "БСН", "ЖСН", "BIN", "IIN"))
    if not re.fullmatch("[0-9]{12}", number) or not int(number):
        return None
    return number if bin_check_digit(number[:11]) == int(number[11]) else None


def bin_check_digit(first_eleven: str) -> int | None:
    """The twelfth digit; None when both rounds of weights give ten, and no such number is ever issued."""
    for weights in (_BIN_FIRST_ROUND, _BIN_SECOND_ROUND):
        digit = sum(int(d) * weight for d, weight in zip(first_eleven, weights, strict=True)) % 11
        if digit < 10:
            return digit
    return None


def parse_unp(text: str) -> str | None:
    """A Belarusian УНП: nine characters; people's begin with two letters, companies' with digits."""
    number = _compact(text, ("УНП", "UNP")).translate(_LOOKALIKES)
    if not _UNP.fullmatch(number):
        return None
    return number if unp_check_digit(number[:8]) == int(number[8]) else None


def unp_check_digit(first_eight: str) -> int | None:
    """The ninth character; None when the remainder is ten, and no such number is ever issued.

    The first letter counts as in base 36, the second by its place among the ten letters in use.
    """
    values = [_UNP_DIGITS.index(character) for character in first_eight]
    if first_eight[1] in _UNP_LETTERS:
        values[1] = _UNP_LETTERS.index(first_eight[1])
    digit = sum(value * weight for value, weight in zip(values, _UNP_WEIGHTS, strict=True)) % 11
    return digit if digit < 10 else None


def parse_tax_id(text: str, country: str) -> str | None:
    """A taxpayer's number by the country's rule."""
    return {"by": parse_unp, "kz": parse_bin}[country](text)


def parse_rnm(text: str) -> str | None:
    """РНМ, the number a Kazakh tax office gives a register: twelve digits without a check digit."""
    number = _compact(text, ("РНМ", "КТН", "PHM", "RNM"))
    return number if re.fullmatch("[0-9]{12}", number) and int(number) else None


def parse_znm(text: str) -> str | None:
    """ЗНМ, a register's factory number: Latin letters and digits, at least one digit, such as SWK00033717."""
    number = _compact(text, ("ЗНМ", "КЗН", "ЗНК")).translate(_LOOKALIKES)
    return number if re.fullmatch(r"(?=.*[0-9])[A-Z0-9]{4,32}", number) else None


def parse_phone(text: str, country: str | None = None) -> str | None:
    """A telephone number as +375291234567. A number without its country's code needs `country` (by, kz)."""
    typed = text.strip()
    digits = _SEPARATORS.sub("", typed).removeprefix("+")
    if not re.fullmatch("[0-9]{7,15}", digits):
        return None
    if not typed.startswith("+"):
        digits = _with_country(digits, country)
    if digits.startswith("375"):
        right = len(digits) == 12 and digits[3:5] in _AREA_CODES_BY
    elif digits.startswith("7"):
        right = len(digits) == 11
    else:
        right = len(digits) >= 8 and not digits.startswith("0")
    return f"+{digits}" if right else None


def print_phone(phone: str) -> str:
    """A canonical number as people read it: +375 29 123-45-67, +7 701 123-45-67; others stay as they are."""
    for shape in (r"\+(375)(\d{2})(\d{3})(\d{2})(\d{2})", r"\+(7)(\d{3})(\d{3})(\d{2})(\d{2})"):
        parts = re.fullmatch(shape, phone)
        if parts:
            return "+{} {} {}-{}-{}".format(*parts.groups())
    return phone


def print_bin(number: str) -> str:
    """Twelve digits in four threes, with no-break spaces."""
    return "\N{NO-BREAK SPACE}".join(re.findall("...", number))


def _with_country(digits: str, country: str | None) -> str:
    """Digits that were typed without a plus: the way they are dialled at home, or with the country's code."""
    if country == "by" and len(digits) == 11 and digits.startswith("80"):
        return "375" + digits[2:]
    if country == "by" and len(digits) == 9:
        return "375" + digits
    if country == "kz" and len(digits) == 11 and digits.startswith("8"):
        return "7" + digits[1:]
    if country == "kz" and len(digits) == 10 and digits.startswith("7"):
        return "7" + digits
    if country is None or digits.startswith({"by": "375", "kz": "7"}[country]):
        return digits
    return ""


def _compact(text: str, captions: tuple[str, ...]) -> str:
    """Upper case, without separators and without the number's own caption before it."""
    number = _SEPARATORS.sub("", text.upper())
    for caption in captions:
        number = number.removeprefix(caption)
    return number.removeprefix(":")
