"""Units have a short name in every language."""

import pytest

from portal.fiscal.units import DEFAULT, UNITS, UNKNOWN, unit_of


@pytest.mark.parametrize(
    ("code", "ru", "kk"),
    [
        (796, "шт", "дана"),
        (166, "кг", "кг"),
        (356, "час", "сағат"),
        (5114, "услуга", "қызмет"),
        (868, "бут", "бөтелке"),
    ],
)
def test_names_a_unit(code: int, ru: str, kk: str) -> None:
    assert (unit_of(code).ru, unit_of(code).kk) == (ru, kk)


@pytest.mark.parametrize("code", [0, 1, 3, 795, 99_999])
def test_a_code_out_of_the_table_is_a_unit_all_the_same(code: int) -> None:
    assert unit_of(code) is UNKNOWN


def test_the_table_has_every_published_row_and_no_empty_name() -> None:
    assert len(UNITS) == 49
    assert DEFAULT in UNITS
    for code, unit in UNITS.items():
        assert all(0 < len(name) <= 12 for name in unit), code
