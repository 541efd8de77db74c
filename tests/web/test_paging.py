"""Cursors: whatever comes back is read or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.primitives.refusals import BadInput
from portal.web import paging


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20), min_size=1, max_size=4))
def test_a_cursor_reads_back(values: list[int | str]) -> None:
    assert paging.unpack(paging.pack(*values), *(type(value) for value in values)) == tuple(values)


@given(st.text(max_size=500))
def test_whatever_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        paging.unpack(text, int, int, int, str)


@pytest.mark.parametrize("values", [(1,), (1, 2, 3), ("1", 2), (True, 2)])
def test_a_cursor_of_another_list_is_refused(values: tuple[int, ...]) -> None:
    with pytest.raises(BadInput):
        paging.unpack(paging.pack(*values), int, int)


def test_a_page_knows_whether_another_follows() -> None:
    assert paging.cut([1, 2, 3], 2, str) == paging.Slice([1, 2], "2")
    assert paging.cut([1, 2], 2, str) == paging.Slice([1, 2], None)
