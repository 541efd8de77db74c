"""The order of names: one alphabet for Russian, Kazakh and Belarusian, and numbers inside names by their value.

Databases without ICU sort by code points, which puts «ё» after «я» and «Касса 10» before «Касса 2»; so names
are sorted here. Where the languages disagree («і» is a vowel of its own place in each), one place serves all.
"""

import re
from typing import Final

ALPHABET: Final = "аәбвгғґдеёжзиійкқлмнңоөпрстуўұүфхһцчшщъыьэюя"

# Moved as one block behind Latin letters, each letter in its own place.
_PLACES: Final = {ord(letter): chr(0x0430 + place) for place, letter in enumerate(ALPHABET)}
_NUMBER: Final = re.compile(r"([0-9]{1,18})")


def sort_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """What to sort a name by; letter case and spaces around it do not count."""
    parts = _NUMBER.split(name.strip().casefold())
    return tuple(
        (0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part.translate(_PLACES))
        for part in parts
        if part
    )
