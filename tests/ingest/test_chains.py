"""Our own chain runs over the order of acceptance; the till's own is held against its own numbers."""

from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.fiscal import chain, codec
from tests.ingest import stream
from tests.ingest.stream import Fields, Till


def canonical(raw: Fields | bytes) -> bytes:
    return chain.canonical(codec.decode(stream.raw_of(raw)))


def with_digest(document: Fields, previous: str | None) -> Fields:
    """The document as a till that keeps a chain of its own sends it."""
    if previous is not None:
        document = {**document, "previous": previous}
    own = sha256(bytes.fromhex(previous or "") + canonical(document)).hexdigest()
    return {**document, "digest": own}


def chained(till: Till, count: int) -> list[Fields]:
    """Sales from number one on, each with its digest and that of the one before."""
    documents: list[Fields] = []
    previous: str | None = None
    for number in range(1, count + 1):
        documents.append(with_digest(till.sale(number), previous))
        previous = documents[-1]["digest"]
    return documents


# Our own


def test_each_link_holds_the_digest_before_and_the_canonical_document(till: Till) -> None:
    late = [till.sale(3), till.sale(1), till.sale(2)]
    till.take(*late[:2])
    till.take(late[2])
    digest = b""
    for document, (number, stored) in zip(
        late, till.rows("select number, digest from document order by sequence"), strict=True
    ):
        digest = sha256(digest + canonical(document)).digest()
        assert (number, bytes(stored)) == (document["number"], digest)
    assert [bytes(head) for (head,) in till.rows("select digest from register_head")] == [digest]


def test_the_cut_into_batches_does_not_change_the_chain(session: Session) -> None:
    heads = []
    for cut in ([5], [1, 4], [2, 2, 1]):
        till = stream.open_till(session, factory_number="SAME")
        documents = iter([till.sale(number) for number in range(1, 6)])
        for count in cut:
            till.take(*(next(documents) for _ in range(count)))
        heads.append(till.rows("select sequence, digest from register_head"))
    assert [(row[0][0], bytes(row[0][1])) for row in heads] == [(5, bytes(heads[0][0][1]))] * 3


def test_every_register_has_a_chain_of_its_own(session: Session, till: Till) -> None:
    second = stream.another_till(session, till)
    gateway = stream.gateway(till)
    gateway.send(till.sale(1), second.sale(1), till.sale(2))
    till.drain()
    second.drain()
    assert till.rows("select register_id, sequence from register_head order by 1") == [
        (till.register_id, 2),
        (second.register_id, 1),
    ]


# The till's


def test_a_right_chain_is_not_remarked_upon(till: Till) -> None:
    documents = chained(till, 6)
    till.take(*documents[:3])
    till.take(documents[3])
    till.take(*documents[4:])
    assert till.remarks() == []


def test_a_right_chain_that_arrives_backwards_is_not_remarked_upon(till: Till) -> None:
    for document in reversed(chained(till, 5)):
        till.take(document)
    assert till.remarks() == []


def test_a_right_chain_whose_middle_comes_late_is_not_remarked_upon(till: Till) -> None:
    documents = chained(till, 7)
    till.take(documents[0], documents[3], documents[6])
    till.take(documents[5], documents[2])
    till.take(documents[1], documents[4])
    assert till.remarks() == []


def test_a_wrong_digest_is_remarked_upon(till: Till) -> None:
    first, second = chained(till, 2)
    till.take({**first, "digest": "0" * 64}, second)
    assert till.remarks() == [(1, "digest_mismatch"), (2, "previous_mismatch")]


def test_a_digest_of_an_altered_document_is_remarked_upon(till: Till) -> None:
    [first] = chained(till, 1)
    till.take({**first, "cashier": "Кто-то"})
    assert till.remarks() == [(1, "digest_mismatch")]


def test_a_wrong_previous_is_remarked_upon_within_a_batch_and_across(till: Till) -> None:
    first, second, third = chained(till, 3)
    wrong = with_digest(till.sale(2), "1" * 64)
    till.take(first, wrong)
    assert till.remarks() == [(2, "previous_mismatch")]
    assert till.rows("select facts from remark") == [({"number": 1},)]
    till.take(third)
    assert till.remarks() == [(2, "previous_mismatch"), (3, "previous_mismatch")]
    assert second["digest"] != wrong["digest"]


def test_a_previous_that_is_left_out_is_remarked_upon(till: Till) -> None:
    first, _ = chained(till, 2)
    till.take(first, with_digest(till.sale(2), None))
    assert till.remarks() == [(2, "previous_mismatch")]


def test_a_late_document_proves_a_successor_wrong(till: Till) -> None:
    first, second, third = chained(till, 3)
    wrong = with_digest(till.sale(3), "2" * 64)
    till.take(first, wrong)
    assert till.remarks() == []
    till.take(second)
    assert till.remarks() == [(3, "previous_mismatch")]
    assert third["previous"] == second["digest"]


def test_a_late_document_proves_a_successor_without_previous_wrong(till: Till) -> None:
    first, second, _ = chained(till, 3)
    till.take(first, with_digest(till.sale(3), None))
    till.take(second)
    assert till.remarks() == [(3, "previous_mismatch")]


def test_a_late_document_may_be_wrong_itself(till: Till) -> None:
    first, second, third = chained(till, 3)
    till.take(first, third)
    till.take(with_digest({**till.sale(2), "cashier": "Кто-то"}, "3" * 64))
    assert till.remarks() == [(2, "previous_mismatch"), (3, "previous_mismatch")]
    assert second["previous"] == first["digest"]


def test_a_late_document_proves_that_a_clock_went_back(till: Till) -> None:
    till.take(till.sale(1), till.sale(3, issued_at=till.noon.isoformat()))
    assert till.remarks() == []
    till.take(till.sale(2))
    assert till.remarks() == [(3, "clock_back")]


def test_remarks_on_neighbours_do_not_depend_on_the_order_of_arrival(session: Session) -> None:
    seen = []
    for order in ((0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 0, 2), (2, 0, 1)):
        till = stream.open_till(session, factory_number="SAME")
        documents = [
            with_digest(till.sale(1), None),
            with_digest(till.sale(2, issued_at=till.noon.isoformat()), "5" * 64),
            with_digest(till.sale(3), None),
        ]
        for place in order:
            till.take(documents[place])
        seen.append(till.remarks())
    assert seen == [[(2, "clock_back"), (2, "previous_mismatch"), (3, "previous_mismatch")]] * 5


def test_a_till_that_begins_its_chain_later_is_not_remarked_upon(till: Till) -> None:
    till.take(till.sale(1))
    till.take(with_digest(till.sale(2), None))
    assert till.remarks() == []


# Bytes

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


@given(TEXTS, TEXTS, st.integers(0, 10**13))
def test_canonical_bytes_are_sorted_closed_and_the_same_again(name: str, cashier: str, total: int) -> None:
    raw = {
        "register": "R",
        "number": 1,
        "ordinal": 1,
        "shift": 1,
        "kind": "sale",
        "issued_at": "2026-11-18T12:00:00+03:00",
        "cashier": cashier,
        "total_minor": total,
        "lines": [stream.line(name)],
        "digest": "ab" * 32,
    }
    once = canonical(raw)
    assert chain.canonical(codec.decode(once)) == once
    decoded = msgspec.json.decode(once)
    assert list(decoded) == sorted(decoded)
    assert list(decoded["lines"][0]) == sorted(decoded["lines"][0])
    del raw["digest"]
    assert chain.without_digest(once, "ab" * 32) == canonical(raw)


@pytest.mark.parametrize("cashier", ['"digest":"' + "ab" * 5, '\\"digest\\":', "digest"])
def test_a_name_that_looks_like_a_digest_is_left_in_place(till: Till, cashier: str) -> None:
    till.take(with_digest(till.sale(1, cashier=cashier), None))
    assert till.remarks() == []


@given(st.lists(st.binary(max_size=30), max_size=8), st.booleans())
def test_what_a_body_is_cut_into_is_cut_out_of_it_again(pieces: list[bytes], is_array: bool) -> None:
    body = b"[" + b",".join(b'{"a":' + str(len(piece)).encode() + b"\n}" for piece in pieces) + b"]"
    raws = codec.split(body if is_array else b"\x00" + b"\n".join(pieces))
    assert codec.split(codec.join(raws)) == raws


@pytest.mark.parametrize(
    "body", [b"\x1e", b"\x1e\x1e", b"\x1e[1", b"1\n[2", b"x\n[1]", b"[1]\n", b"[[1\n],2]", b"\x0b\n \n1"]
)
def test_odd_bodies_are_cut_alike_however_often(body: bytes) -> None:
    raws = codec.split(body)
    assert codec.split(codec.join(raws)) == raws
    for raw in raws:
        assert codec.split(codec.join([raw])) == [raw]
