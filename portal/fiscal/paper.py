"""Text on a tape of so many characters: what a line can hold, and where a long one is broken."""

import unicodedata


def cells(text: str) -> int:
    """How many places of a monospaced tape a text takes: wide letters of the East take two, all others one."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def wrap(text: str, width: int) -> list[str]:
    """A text as lines no longer than the width, broken between words, and inside a word that is longer itself."""
    lines: list[str] = []
    line = ""
    for word in printable(text).split():
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, width)
        lines.extend(full)
    return [*lines, line] if line else lines


def _pieces(word: str, width: int) -> list[str]:
    pieces, piece, taken = [], "", 0
    for character in word:
        size = cells(character)
        if taken + size > width:
            pieces.append(piece)
            piece, taken = "", 0
        piece += character
        taken += size
    return [*pieces, piece]


def printable(text: str) -> str:
    """A text with a space for whatever could move the paper or the caret, from line feeds to turns of direction."""
    text = unicodedata.normalize("NFC", text)
    # Categories C are control, format, surrogate, private and unassigned; Z are separators.
    return "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
