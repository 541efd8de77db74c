"""The door for tills: what it takes, what it refuses and how it says so, and that no input breaks it."""

import gzip
import json
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Barrier
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal import db
from portal.config import Settings
from portal.fiscal import codec
from portal.ingest.drain import drain_register
from portal.ingest.forms import BATCH_BYTES_MAX, BATCH_DOCUMENTS_MAX, KEY_LENGTH_MAX
from portal.primitives import clock
from portal.registers.actions import issue_token, revoke_token
from tests.ingest import stream
from tests.ingest.stream import Till

NDJSON = "application/x-ndjson"
DOCUMENTS = "/ingest/v1/documents"
Post = Callable[..., TestResponse]


def token_of(till: Till, *, is_gateway: bool = False) -> str:
    """A token for the till's register, or for a gateway of its organisation."""
    with db.transaction(till.organisation_id) as session:
        return issue_token(
            session,
            till.organisation_id,
            name="Касса",
            register_id=None if is_gateway else till.register_id,
            at=clock.now(),
        )


def post(
    client: FlaskClient,
    token: str | None,
    body: bytes,
    *,
    key: str | None = "key",
    media_type: str | None = NDJSON,
    **headers: str,
) -> TestResponse:
    """Knock at the door."""
    given = {
        "Authorization": token and f"Bearer {token}",
        "Idempotency-Key": key,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return client.post(
        DOCUMENTS,
        data=body,
        content_type=media_type,
        headers={name: value for name, value in given.items() if value is not None},
    )


def code_of(answer: TestResponse) -> tuple[int, str]:
    """Status and machine-readable code; every refusal is a problem in JSON with a sentence."""
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert problem["message"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert isinstance(problem["facts"], dict)
    return answer.status_code, problem["code"]


@pytest.fixture
def token(till: Till) -> str:
    return token_of(till)


@pytest.fixture
def knock(client: FlaskClient, token: str) -> Post:
    """Send a body with the till's own token."""

    def send(body: bytes, **changes: Any) -> TestResponse:
        return post(client, changes.pop("token", token), body, **changes)

    return send


# What it takes


@pytest.mark.parametrize(
    "media_type",
    [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/json",
        "application/json; charset=utf-8",
        "Application/X-NDJSON",
    ],
)
@pytest.mark.parametrize("shape", ["lines", "array"])
def test_takes_lines_and_arrays(till: Till, knock: Post, media_type: str, shape: str) -> None:
    documents = [till.sale(1), till.sale(2)]
    body = stream.lines_of(documents) if shape == "lines" else json.dumps(documents).encode()

    answer = knock(body, media_type=media_type)

    assert answer.status_code == 202
    told = answer.get_json()
    assert told["documents"] == 2
    assert datetime.fromisoformat(told["received_at"]).tzinfo is not None
    assert answer.headers["Location"] == f"/ingest/v1/batches/{told['batch']}"
    till.drain()
    assert till.numbers() == [1, 2]


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZip "])
def test_takes_gzip(till: Till, knock: Post, encoding: str) -> None:
    body = gzip.compress(stream.lines_of([till.sale(1)]))
    assert knock(body, Content_Encoding=encoding).status_code == 202
    till.drain()
    assert till.numbers() == [1]


def test_takes_gzip_of_several_members(till: Till, knock: Post) -> None:
    body = gzip.compress(stream.raw_of(till.sale(1)) + b"\n") + gzip.compress(stream.raw_of(till.sale(2)))
    assert knock(body, Content_Encoding="gzip").get_json()["documents"] == 2


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\r", b"\n\n \n", b"\n\x0b\n"])
def test_takes_lines_with_any_line_ends_and_empty_ones_between(
    till: Till, knock: Post, separator: bytes
) -> None:
    body = separator.join([b"", stream.raw_of(till.sale(1)), stream.raw_of(till.sale(2)), b""])
    assert knock(body).get_json()["documents"] == 2


def test_takes_a_document_it_cannot_read_because_it_does_not_read_it(till: Till, knock: Post) -> None:
    assert knock(b"not even JSON\n\xff\xfe\x00").status_code == 202
    till.drain()
    assert [reason for _, reason in till.quarantine()] == ["unreadable", "unreadable"]


def test_the_answer_comes_after_the_commit(database: Settings, app: Flask) -> None:
    with db.transaction() as session:
        till = stream.open_till(session)
    answer = post(app.test_client(), token_of(till), stream.lines_of([till.sale(1)]))
    assert till.rows("select id, document_count, received_at from ingest_batch") == [
        (answer.get_json()["batch"], 1, datetime.fromisoformat(answer.get_json()["received_at"]))
    ]


def test_the_lane_is_rung_after_the_commit(till: Till, knock: Post, redis: Redis) -> None:
    knock(stream.lines_of([till.sale(1)]))
    assert redis.llen("rq:queue:ingest") == 1
    assert redis.get(f"ring:{till.organisation_id}:{till.register_id}") == b"1"


# The key


def test_the_same_key_and_bytes_get_the_same_answer_and_nothing_twice(till: Till, knock: Post) -> None:
    body = stream.lines_of([till.sale(1), till.sale(2)])
    first = knock(body)
    again = [
        knock(body),
        knock(gzip.compress(body), Content_Encoding="gzip"),
        knock(body, media_type="application/json"),
    ]
    till.drain()
    again.append(knock(body))
    for answer in again:
        assert (answer.status_code, answer.get_json(), answer.headers["Location"]) == (
            202,
            first.get_json(),
            first.headers["Location"],
        )
    till.drain()
    assert till.rows("select count(*) from ingest_portion") == [(1,)]
    assert till.numbers() == [1, 2]


def test_other_bytes_under_the_same_key_are_a_conflict(till: Till, knock: Post) -> None:
    knock(stream.lines_of([till.sale(1)]))
    answer = knock(stream.lines_of([till.sale(2)]))
    assert code_of(answer) == (409, "ingest.key_reused")
    assert answer.get_json()["facts"] == {"key": "key"}
    # Neither is a body that would be refused for another reason told that reason.
    assert code_of(knock(b"[")) == (409, "ingest.key_reused")
    assert till.rows("select count(*) from ingest_batch") == [(1,)]


def test_a_refused_body_leaves_its_key_free(till: Till, knock: Post) -> None:
    assert code_of(knock(b"[")) == (422, "ingest.unreadable_body")
    assert knock(stream.lines_of([till.sale(1)])).status_code == 202


def test_keys_are_a_senders_own(client: FlaskClient, session: Session, till: Till, token: str) -> None:
    other = stream.open_till(session)
    tokens = [token, token_of(till), token_of(till, is_gateway=True), token_of(other)]
    answers = [
        post(client, one, stream.lines_of([till.sale(number)])) for number, one in enumerate(tokens, 1)
    ]
    assert [answer.status_code for answer in answers] == [202] * 4
    assert till.rows("select count(*) from ingest_batch") == [(3,)]


@pytest.mark.parametrize("key", ["k" * KEY_LENGTH_MAX, "a b c", "~!@#", "0", "3f0e5c1a-…".replace("…", "x")])
def test_takes_any_printable_key_up_to_255_characters(till: Till, knock: Post, key: str) -> None:
    assert knock(stream.lines_of([till.sale(1)]), key=key).status_code == 202


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "ingest.key_missing"),
        ("", "ingest.key_missing"),
        ("k" * (KEY_LENGTH_MAX + 1), "ingest.key_unfit"),
        ("\xe9", "ingest.key_unfit"),
        ("a\tb", "ingest.key_unfit"),
        ("\x7f", "ingest.key_unfit"),
        ("a  b", "ingest.key_unfit"),
    ],
)
def test_refuses_a_missing_or_unfit_key(till: Till, knock: Post, key: str | None, code: str) -> None:
    assert code_of(knock(stream.lines_of([till.sale(1)]), key=key)) == (422, code)


def test_a_hundred_times_two_requests_with_one_key_at_the_same_instant(
    database: Settings, app: Flask
) -> None:
    with db.transaction() as session:
        till = stream.open_till(session)
    token = token_of(till)
    barrier = Barrier(2)

    def knocks(_: int) -> list[tuple[int, Any]]:
        client, told = app.test_client(), []
        for round_ in range(100):
            body = stream.lines_of([till.sale(round_ + 1)])
            barrier.wait()
            answer = post(client, token, body, key=f"round-{round_}")
            told.append((answer.status_code, answer.get_json()))
        return told

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(knocks, range(2))

    assert one == other
    assert {status for status, _ in one} == {202}
    assert till.rows("select count(*), count(distinct key) from ingest_batch") == [(100, 100)]
    assert till.rows("select count(*) from ingest_portion") == [(100,)]
    till.drain()
    till.drain()
    till.drain()
    assert till.numbers() == list(range(1, 101))


# Bounds


def test_takes_five_mebibytes_and_not_a_byte_more(till: Till, knock: Post) -> None:
    document = stream.raw_of(till.sale(1))
    exactly = document + b" " * (BATCH_BYTES_MAX - len(document))
    assert len(exactly) == 5 * 1024 * 1024
    assert knock(exactly, key="exactly").status_code == 202
    answer = knock(exactly + b" ", key="more")
    assert code_of(answer) == (413, "ingest.too_large")
    assert answer.get_json()["facts"] == {"bytes_max": BATCH_BYTES_MAX}


def test_takes_five_mebibytes_unpacked_and_not_a_byte_more(till: Till, knock: Post) -> None:
    document = stream.raw_of(till.sale(1))
    exactly = document + b" " * (BATCH_BYTES_MAX - len(document))
    packed, more = gzip.compress(exactly, 1), gzip.compress(exactly + b" ", 1)
    assert knock(packed, key="exactly", Content_Encoding="gzip").status_code == 202
    assert code_of(knock(more, key="more", Content_Encoding="gzip")) == (413, "ingest.too_large")


def test_a_bomb_of_a_gigabyte_is_refused_without_unpacking_it(knock: Post) -> None:
    bomb = gzip.compress(bytes(1 << 20)) * 1024
    assert code_of(knock(bomb, Content_Encoding="gzip")) == (413, "ingest.too_large")


@pytest.mark.parametrize("shape", ["lines", "array"])
def test_takes_five_thousand_documents_and_not_one_more(knock: Post, shape: str) -> None:
    def body(count: int) -> bytes:
        return b"1\n" * count if shape == "lines" else b"[" + b",".join([b"1"] * count) + b"]"

    assert knock(body(BATCH_DOCUMENTS_MAX), key="exactly").get_json()["documents"] == 5000
    answer = knock(body(BATCH_DOCUMENTS_MAX + 1), key="more")
    assert code_of(answer) == (413, "ingest.too_many_documents")
    assert answer.get_json()["facts"] == {"count": 5001, "count_max": 5000}


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\t\n", b"[]", b" [ ] "])
def test_refuses_a_body_without_documents(knock: Post, body: bytes) -> None:
    assert code_of(knock(body)) == (422, "ingest.empty_batch")


@pytest.mark.parametrize("body", [b"[", b"[1", b"[1,]", b"[1]2", b'["\x00"]', b"[" * 200_000, b"[\xff]"])
def test_refuses_what_begins_like_an_array_and_is_none(knock: Post, body: bytes) -> None:
    assert code_of(knock(body)) == (422, "ingest.unreadable_body")


@pytest.mark.parametrize("is_terminated", [False, True])
def test_half_of_a_body_is_never_taken_for_the_whole(
    client: FlaskClient, till: Till, token: str, is_terminated: bool
) -> None:
    """A till that hangs up has sent less than it announced; the server may or may not say so."""
    whole = stream.lines_of([till.sale(1), till.sale(2)])
    answer = client.post(
        DOCUMENTS,
        data=whole[: len(whole) // 2],
        content_type=NDJSON,
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "key"},
        environ_overrides={"CONTENT_LENGTH": str(len(whole)), "wsgi.input_terminated": is_terminated},
    )
    assert code_of(answer) == (400, "bad_request")
    assert post(client, token, whole).get_json()["documents"] == 2


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x1f",
        b"\x1f\x8b",
        b"not gzip",
        gzip.compress(b"1\n" * 99)[:-1],
        gzip.compress(b"1") + b"rest",
        zlib.compress(b"1"),
    ],
    ids=["nothing", "a byte", "a head", "text", "cut off", "a tail", "zlib"],
)
def test_refuses_what_cannot_be_unpacked(knock: Post, packed: bytes) -> None:
    status, code = code_of(knock(packed, Content_Encoding="gzip"))
    assert (status, code) in {(422, "ingest.unreadable_body"), (422, "ingest.empty_batch")}
    assert code == "ingest.unreadable_body" or packed == b""


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "*/*",
        ";",
    ],
)
def test_refuses_other_media_types(till: Till, knock: Post, media_type: str | None) -> None:
    answer = knock(stream.lines_of([till.sale(1)]), media_type=media_type)
    assert code_of(answer) == (415, "ingest.unsupported_media_type")


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip;q=1", "\xe9"])
def test_refuses_other_encodings(till: Till, knock: Post, encoding: str) -> None:
    answer = knock(stream.lines_of([till.sale(1)]), Content_Encoding=encoding)
    assert code_of(answer) == (415, "ingest.unsupported_media_type")


# Who speaks

HARMLESS = b'{"register":"1"}'


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic a3Q6MQ==",
        "{token}",
        "Token {token}",
        "Bearer {token}x",
        "Bearer {token} {token}",
        "Bearer kt",
        "Bearer kt_",
        "Bearer kt___",
        "Bearer kt_1_1_",
        "Bearer kt_0_0_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer kt_-1_1_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer kt_1e3_1_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer kt_9999999999_9999999999_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer kt_2147483648_1_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer kt_2147483647_2147483647_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer kt_99999999999999999999999999999_1_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer kt_1_1_' or true --aaaaaaaaaaaaaaaaaaaaaa",
        "Bearer kt_²_1_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer kt_1_1_éééééééééééééééééééééééé",
        "Bearer " + "a" * 100_000,
        "Bearer \x00",
    ],
)
def test_refuses_strangers(client: FlaskClient, till: Till, token: str, authorization: str | None) -> None:
    headers = {"Idempotency-Key": "key"}
    if authorization is not None:
        headers["Authorization"] = authorization.replace("{token}", token)
    answer = client.post(DOCUMENTS, data=HARMLESS, content_type=NDJSON, headers=headers)
    assert code_of(answer) == (401, "ingest.unauthorised")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert till.rows("select count(*) from ingest_batch") == [(0,)]


def test_a_secret_opens_only_its_own_organisation_and_sender(
    client: FlaskClient, session: Session, till: Till, token: str
) -> None:
    other = stream.open_till(session)
    foreign = token_of(other)
    _, organisation, sender, secret = token.split("_", 3)
    _, other_organisation, other_sender, _ = foreign.split("_", 3)
    for forged in (
        f"kt_{other_organisation}_{other_sender}_{secret}",
        f"kt_{other_organisation}_{sender}_{secret}",
        f"kt_{organisation}_{other_sender}_{secret}",
        f"kt_{organisation}_{sender}_{secret[:-1]}",
        f"kt_{organisation}_{sender}_{secret.swapcase()}",
    ):
        assert code_of(post(client, forged, HARMLESS)) == (401, "ingest.unauthorised")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_takes_the_scheme_in_any_case(client: FlaskClient, token: str, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {token}", "Idempotency-Key": "key"}
    assert client.post(DOCUMENTS, data=HARMLESS, content_type=NDJSON, headers=headers).status_code == 202


def test_a_token_taken_back_is_refused_from_that_moment_on(
    client: FlaskClient, till: Till, token: str
) -> None:
    assert post(client, token, HARMLESS).status_code == 202
    with db.transaction(till.organisation_id) as session:
        revoke_token(session, till.organisation_id, int(token.split("_")[2]), at=clock.now())
    assert code_of(post(client, token, HARMLESS)) == (403, "ingest.sender_revoked")
    assert code_of(post(client, f"{token[:-1]}_", HARMLESS)) == (401, "ingest.unauthorised")
    assert code_of(client.get("/ingest/v1/batches/1", headers={"Authorization": f"Bearer {token}"})) == (
        403,
        "ingest.sender_revoked",
    )


def test_a_removed_registers_token_is_refused_and_its_gateways_is_not(
    client: FlaskClient, till: Till, token: str
) -> None:
    gateway = token_of(till, is_gateway=True)
    till.rows("update register set state = 'removed' where id = :r returning 1")
    assert code_of(post(client, token, HARMLESS)) == (403, "ingest.sender_revoked")
    assert post(client, gateway, HARMLESS).status_code == 202


def test_a_register_says_documents_of_itself_alone(session: Session, till: Till, knock: Post) -> None:
    second = stream.another_till(session, till)
    knock(stream.lines_of([till.sale(1), second.sale(1)]))
    till.drain()
    assert (till.numbers(), second.numbers()) == ([1], [])
    assert till.quarantine() == [(2, "foreign_register")]


def test_a_gateways_batch_is_cut_per_register(client: FlaskClient, session: Session, till: Till) -> None:
    second = stream.another_till(session, till)
    answer = post(
        client,
        token_of(till, is_gateway=True),
        stream.lines_of([till.sale(1), second.sale(1), till.sale(2), b"?"]),
    )
    assert answer.get_json()["documents"] == 4
    assert till.rows("select register_id, positions, document_count from ingest_portion order by 1") == [
        (0, [4], 1),
        (till.register_id, [1, 3], 2),
        (second.register_id, [2], 1),
    ]


# Too much


def test_a_sender_in_too_great_a_hurry_is_told_when_to_come_again(
    client: FlaskClient, app: Flask, till: Till, monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    monkeypatch.setitem(
        app.extensions, "settings", replace(app.extensions["settings"], requests_per_minute=2)
    )
    token, gateway = token_of(till), token_of(till, is_gateway=True)
    answers = [post(client, token, HARMLESS) for _ in range(3)]
    assert [answer.status_code for answer in answers[:2]] == [202, 202]
    assert code_of(answers[2]) == (429, "ingest.too_fast")
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    # The limit is each sender's own.
    assert post(client, gateway, HARMLESS).status_code == 202


def test_an_organisation_with_too_much_waiting_is_asked_to_wait_but_repeats_are_answered(
    client: FlaskClient, app: Flask, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        app.extensions, "settings", replace(app.extensions["settings"], documents_waiting_max=3)
    )
    token = token_of(till)
    bodies = [stream.lines_of([till.sale(number)]) for number in range(5)]
    for number in range(3):
        assert post(client, token, bodies[number], key=str(number)).status_code == 202
    refused = post(client, token, bodies[3], key="3")
    assert code_of(refused) == (429, "ingest.backlog")
    assert int(refused.headers["Retry-After"]) > 0
    assert post(client, token, bodies[0], key="0").status_code == 202
    till.drain()
    assert post(client, token, bodies[3], key="3").status_code == 202


# What came of a batch


def test_the_batchs_address_tells_what_came_of_it(client: FlaskClient, till: Till, token: str) -> None:
    answer = post(client, token, stream.lines_of([till.sale(1), b"?", till.sale(1)]))
    address, headers = answer.headers["Location"], {"Authorization": f"Bearer {token}"}
    assert client.get(address, headers=headers).get_json()["state"] == "waiting"
    till.drain()
    told = client.get(address, headers=headers).get_json()
    assert (told["state"], told["accepted"], told["repeated"], told["quarantined"]) == ("drained", 1, 1, 1)
    assert told["quarantine"][0]["position"] == 2


def test_a_batchs_address_is_its_senders_alone(client: FlaskClient, till: Till, token: str) -> None:
    address = post(client, token, HARMLESS).headers["Location"]
    assert code_of(client.get(address)) == (401, "ingest.unauthorised")
    headers = {"Authorization": f"Bearer {token_of(till, is_gateway=True)}"}
    assert code_of(client.get(address, headers=headers)) == (404, "not_found")


@pytest.mark.parametrize("batch", ["0", "999999999", str(2**63), "9" * 300, "-1", "x", "1.5"])
def test_a_batch_that_is_not_there_is_not_found(client: FlaskClient, token: str, batch: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert code_of(client.get(f"/ingest/v1/batches/{batch}", headers=headers)) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(client: FlaskClient, token: str, method: str) -> None:
    assert client.open(DOCUMENTS, method=method).status_code == 405


# The schema


@pytest.fixture
def validator(client: FlaskClient) -> jsonschema.Draft202012Validator:
    answer = client.get("/ingest/v1/schema.json")
    assert answer.status_code == 200
    schema = answer.get_json()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def is_readable(document: Any) -> bool:
    try:
        codec.decode(json.dumps(document).encode())
    except codec.Unreadable:
        return False
    return True


def test_the_schema_needs_no_token_and_may_be_kept(client: FlaskClient) -> None:
    answer = client.get("/ingest/v1/schema.json")
    assert "max-age=3600" in answer.headers["Cache-Control"]
    assert answer.get_json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_schema_holds_for_documents_that_are_taken(
    till: Till, validator: jsonschema.Draft202012Validator
) -> None:
    full = till.sale(
        7,
        autonomous=True,
        basis=3,
        currency="BYN",
        change_minor=1,
        digest="0" * 64,
        previous="f" * 64,
        discount_minor=1,
        markup_minor=1,
        lines=[
            stream.line(
                barcode="1", code="2", marking="3", section=4, unit=166, discount_minor=1, markup_minor=1
            )
        ],
    )
    z_report = till.document(8, "z_report", totals={"sale_count": 1, "sale_minor": 2, "cash_minor": 3})
    for document in (till.sale(1), till.document(2, "shift_opened", cashier=None), full, z_report):
        assert list(validator.iter_errors(document)) == []
        assert is_readable(document)


MUTATIONS: list[dict[str, Any]] = [
    {"number": 0},
    {"number": "1"},
    {"number": 10**12 + 1},
    {"number": None},
    {"kind": "gift"},
    {"currency": "USD"},
    {"total_minor": -1},
    {"total_minor": 1.5},
    {"total_minor": 10**13 + 1},
    {"fiscal_sign": "Ж"},
    {"fiscal_sign": "A\n"},
    {"digest": "F" * 64},
    {"digest": "f" * 64 + "\n"},
    {"cashier": ""},
    {"cashier": "я" * 65},
    {"shift": 0},
    {"lines": [{}]},
    {"lines": [stream.line(quantity_milli=0)]},
    {"lines": [stream.line(extra=1)]},
    {"lines": {}},
    {"payments": {"cash_minor": "1"}},
    {"payments": {"bitcoin_minor": 1}},
    {"totals": {"sale_count": -1}},
    {"autonomous": 1},
    {"unknown": 1},
    {"register": ""},
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=repr)
def test_the_schema_refuses_what_is_not_taken(
    till: Till, validator: jsonschema.Draft202012Validator, mutation: dict[str, Any]
) -> None:
    document = {**till.sale(1), **mutation}
    assert not validator.is_valid(document)
    assert not is_readable(document)


@pytest.mark.parametrize("name", ["register", "number", "ordinal", "shift", "kind", "issued_at"])
def test_the_schema_misses_what_is_missing(
    till: Till, validator: jsonschema.Draft202012Validator, name: str
) -> None:
    document = till.sale(1)
    del document[name]
    assert not validator.is_valid(document)
    assert not is_readable(document)


VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-1, 10**14) | st.text(max_size=70) | st.just([]) | st.just({})
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_schema_and_the_door_agree_on_any_change(
    till: Till, validator: jsonschema.Draft202012Validator, data: st.DataObject
) -> None:
    document = till.sale(1, totals={}, digest="0" * 64)
    where = data.draw(
        st.sampled_from([document, document["lines"][0], document["payments"], document["totals"]])
    )
    # Moments have a format, which a validator of shapes leaves to others.
    names = sorted(set(where) - {"issued_at"}) or ["sale_count"]
    where[data.draw(st.sampled_from(names))] = data.draw(VALUES)
    assert validator.is_valid(document) == is_readable(document), document


# No input whatever breaks it

HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"), max_size=40)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    body=st.binary(max_size=300) | st.text(max_size=200).map(str.encode) | st.just(b"[" * 5000),
    is_packed=st.booleans(),
    media_type=st.sampled_from([NDJSON, "application/json"]) | HEADER,
    encoding=st.sampled_from(["", "gzip"]) | HEADER,
    key=HEADER,
    is_ours=st.booleans(),
    authorization=HEADER,
    language=HEADER,
)
def test_no_input_whatever_breaks_the_door(
    client: FlaskClient,
    till: Till,
    token: str,
    body: bytes,
    is_packed: bool,
    media_type: str,
    encoding: str,
    key: str,
    is_ours: bool,
    authorization: str,
    language: str,
) -> None:
    answer = client.post(
        DOCUMENTS,
        data=gzip.compress(body) if is_packed else body,
        headers={
            "Authorization": f"Bearer {token}" if is_ours else authorization,
            "Idempotency-Key": key,
            "Content-Type": media_type,
            "Content-Encoding": encoding,
            "Accept-Language": language,
            "X-Request-ID": key,
            "Cookie": language,
        },
    )
    if answer.status_code != 202:
        status, code = code_of(answer)
        assert status in {401, 409, 413, 415, 422}
        assert code.startswith("ingest.")
    till.drain()
    assert till.rows("select count(*) from ingest_portion where drained_at is null") == [(0,)]


ALMOST = st.recursive(
    VALUES | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(
                sorted(
                    MUTATIONS[0]
                    | {"issued_at": 1, "lines": 1, "register": 1, "cashier": 1, "payments": 1, "zzz": 1}
                )
            ),
            ALMOST,
        ),
        max_size=3,
    )
)
def test_almost_documents_are_taken_or_set_aside_and_nothing_waits(
    till: Till, changes: list[tuple[str, Any]]
) -> None:
    stream.gateway(till).send({**till.sale(1), **dict(changes)}, {**till.sale(2), **dict(changes[:1])})
    till.drain()
    drain_register(till.organisation_id, 0)
    assert till.rows("select count(*) from ingest_portion where drained_at is null") == [(0,)]
    assert till.rows("select count(*) from quarantine where reason = 'unprocessable'") == [(0,)]
