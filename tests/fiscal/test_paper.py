"""Wrapping: nothing is lost, nothing is too long."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.fiscal.paper import cells, printable, wrap


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, []),
        ("   \n\t ", 10, []),
        ("one two", 7, ["one two"]),
        ("one two", 6, ["one", "two"]),
        ("one\ntwo", 10, ["one two"]),
        ("abcdefghij", 10, ["abcdefghij"]),
        ("abcdefghijk", 10, ["abcdefghij", "k"]),
        ("ab abcdefghijk cd", 5, ["ab", "abcde", "fghij", "k cd"]),
        ("東京都庁", 4, ["東京", "都庁"]),
        ("東京都", 5, ["東京", "都"]),
    ],
)
def test_breaks_between_words_and_inside_those_that_are_too_long(
    text: str, width: int, lines: list[str]
) -> None:
    assert wrap(text, width) == lines


@given(st.text(), st.integers(2, 48))
def test_keeps_every_letter_and_no_line_is_too_long(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(0 < cells(one) <= width for one in lines)
    assert "".join("".join(lines).split()) == "".join(printable(text).split())


@given(st.text())
def test_nothing_is_left_that_moves_the_paper_or_the_caret(text: str) -> None:
    assert all(unicodedata.category(character)[0] != "C" for character in printable(text))
    assert printable(text).isprintable()


@pytest.mark.parametrize(("text", "places"), [("", 0), ("abc", 3), ("ҚҰНЫ", 4), ("東京", 4), ("№ «»", 4)])
def test_counts_places_on_the_tape(text: str, places: int) -> None:
    assert cells(text) == places
