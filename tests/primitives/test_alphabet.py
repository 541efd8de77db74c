"""The order of names."""

from random import Random

from portal.primitives.alphabet import ALPHABET, sort_key


def test_letters_stand_where_readers_look_for_them() -> None:
    names = ["Арка", "Әлем", "Бор", "елка", "Ёлка", "жук", "Кафе", "Қала", "Уют", "Ўлада", "яма"]
    shuffled = Random(1).sample(names, len(names))
    assert sorted(shuffled, key=sort_key) == names


def test_numbers_are_sorted_by_their_value() -> None:
    names = ["Касса 1", "Касса 2", "Касса 10", "Касса 10 (резерв)", "Касса № 3"]
    assert sorted(set(names), key=sort_key) == names


def test_latin_names_come_before_cyrillic_ones_and_case_does_not_count() -> None:
    assert sorted(["арка", "Zoo", "abc", "Арка 2"], key=sort_key) == ["abc", "Zoo", "арка", "Арка 2"]


def test_the_alphabet_has_every_letter_once() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET) == 44


def test_any_name_has_a_place() -> None:
    for name in ("", " ", "９９", "²", "٣", "🧾", "1" * 9000):
        assert sort_key(name) is not None
