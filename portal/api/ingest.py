"""The door for tills: `POST /ingest/v1/documents`.

It keeps the bytes, commits, and answers 202; whether the documents can be read is found out afterwards. The
same key with the same bytes gets the same answer for ever, so a till may send again until it hears one.
"""

import gzip
import zlib
from io import BytesIO
from math import ceil
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, request
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis import RedisError
from werkzeug.exceptions import ClientDisconnected, HTTPException

from portal import queue
from portal.auth.guards import anyone
from portal.config import Settings
from portal.db import transaction
from portal.fiscal.documents import Document
from portal.ingest.actions import Accepted, accept_batch
from portal.ingest.forms import (
    BATCH_BYTES_MAX,
    SenderRevoked,
    Speaker,
    TooFast,
    TooLarge,
    Unauthorised,
    UnreadableBody,
    UnsupportedMediaType,
    parse_key,
)
from portal.ingest.queries import get_outcome
from portal.primitives import clock
from portal.registers.queries import find_sender

blueprint = Blueprint("ingest_api", __name__, url_prefix="/ingest/v1")

MEDIA_TYPES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"}
)
ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip"})


@blueprint.post("/documents")
@anyone
def accept() -> Response:
    """Take a batch of documents in: 202 after they are committed."""
    speaker = _speaker()
    key = parse_key(request.headers.get("Idempotency-Key"))
    body = _body()
    settings: Settings = current_app.extensions["settings"]
    with transaction(speaker.organisation_id) as session:
        accepted = accept_batch(
            session, speaker, key, body, at=clock.now(), waiting_max=settings.documents_waiting_max
        )
    queue.ring(speaker.organisation_id, accepted.register_ids)
    return _answer(accepted)


@blueprint.get("/batches/<int:batch_id>")
@anyone
def outcome(batch_id: int) -> Response:
    """What came of a batch of the asking sender: counts, and the documents in quarantine with their reasons."""
    speaker = _speaker()
    with transaction(speaker.organisation_id) as session:
        return _json(get_outcome(session, speaker, batch_id), 200)


@blueprint.get("/schema.json")
@anyone
def schema() -> Response:
    """The schema of one document; it is derived from the very type that validates."""
    response = _json(_SCHEMA, 200)
    response.cache_control.max_age = 3600
    response.cache_control.public = True
    return response


def _schema() -> dict[str, Any]:
    (reference,), components = msgspec.json.schema_components([Document], ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **reference, "$defs": components}


_SCHEMA = _schema()


def _speaker() -> Speaker:
    """Who is speaking, by the bearer token; refuses strangers, revoked tokens and those in too great a hurry."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorised
    found = find_sender(token.strip())
    if found is None:
        raise Unauthorised
    if found.is_revoked:
        raise SenderRevoked
    _hold_back(found.organisation_id, found.sender_id)
    return Speaker(found.organisation_id, found.sender_id, found.register_id)


def _hold_back(organisation_id: int, sender_id: int) -> None:
    settings: Settings = current_app.extensions["settings"]
    limit = RateLimitItemPerMinute(settings.requests_per_minute)
    limiter = _limiter(settings)
    who = ("ingest", str(organisation_id), str(sender_id))
    try:
        if not limiter.hit(limit, *who):
            ends_at_s = limiter.get_window_stats(limit, *who).reset_time
            raise TooFast(
                requests_per_minute=settings.requests_per_minute,
                retry_after_s=max(1, ceil(ends_at_s - clock.now().timestamp())),
            )
    except RedisError:
        # The limit protects; the documents matter more.
        return


def _limiter(settings: Settings) -> FixedWindowRateLimiter:
    limiter: FixedWindowRateLimiter | None = current_app.extensions.get("ingest_limiter")
    if limiter is None:
        limiter = FixedWindowRateLimiter(
            storage_from_string(settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
        )
        current_app.extensions["ingest_limiter"] = limiter
    return limiter


def _body() -> bytes:
    """The body unpacked; never more of it in memory than a batch may have."""
    if request.mimetype not in MEDIA_TYPES:
        raise UnsupportedMediaType(media_type=request.mimetype)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise UnsupportedMediaType(encoding=encoding)
    if (request.content_length or 0) > BATCH_BYTES_MAX:
        raise TooLarge(bytes_max=BATCH_BYTES_MAX)
    body = _received(BATCH_BYTES_MAX + 1)
    if len(body) > BATCH_BYTES_MAX:
        raise TooLarge(bytes_max=BATCH_BYTES_MAX)
    if encoding in {"gzip", "x-gzip"}:
        body = _unpack(body)
    return body


def _received(most: int) -> bytes:
    """The body as sent, up to `most` bytes; a sender that hangs up in the middle of it is refused.

    A single read would give what has come so far, and gunicorn's stream ends alike after the whole and the half.
    """
    pieces: list[bytes] = []
    left = most
    while left and (piece := _piece(left)):
        pieces.append(piece)
        left -= len(piece)
    announced = request.content_length
    if announced is not None and most - left < min(announced, most):
        raise ClientDisconnected
    return b"".join(pieces)


def _piece(most: int) -> bytes:
    try:
        piece: bytes = request.stream.read(most)
    except HTTPException:
        raise
    except Exception as error:
        # Each server has errors of its own for broken chunks and broken lines; all of them are the sender's.
        raise ClientDisconnected from error
    return piece


def _unpack(packed: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=BytesIO(packed)) as stream:
            body = stream.read(BATCH_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableBody(why="the gzip stream is broken") from error
    if len(body) > BATCH_BYTES_MAX:
        raise TooLarge(bytes_max=BATCH_BYTES_MAX)
    return body


def _answer(accepted: Accepted) -> Response:
    response = _json(
        {
            "batch": accepted.batch_id,
            "documents": accepted.document_count,
            "received_at": accepted.received_at,
        },
        202,
    )
    response.headers["Location"] = f"/ingest/v1/batches/{accepted.batch_id}"
    return response


def _json(value: object, status: int) -> Response:
    return Response(msgspec.json.encode(value), status=status, mimetype="application/json")
