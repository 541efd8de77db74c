"""What a batch may look like: its bounds, and the ways in which the door refuses it."""

import re
from dataclasses import dataclass

from portal.primitives.refusals import Refusal

BATCH_BYTES_MAX = 5 * 1024 * 1024
BATCH_DOCUMENTS_MAX = 5000
KEY_LENGTH_MAX = 255

_KEY = re.compile(r"[\x21-\x7e]+( [\x21-\x7e]+)*")


@dataclass(frozen=True)
class Speaker:
    """Who a batch comes from: one register, or a gateway (`register_id` is None) for all of the organisation."""

    organisation_id: int
    sender_id: int
    register_id: int | None


class Unauthorised(Refusal):
    """The bearer token is missing or nobody's."""

    code = "ingest.unauthorised"
    status = 401


class SenderRevoked(Refusal):
    """The token was taken back, or its register was removed."""

    code = "ingest.sender_revoked"
    status = 403


class KeyMissing(Refusal):
    """No Idempotency-Key header."""

    code = "ingest.key_missing"


class KeyUnfit(Refusal):
    """The Idempotency-Key is longer than 255 characters or not printable ASCII."""

    code = "ingest.key_unfit"


class KeyReused(Refusal):
    """The key was used before with other bytes."""

    code = "ingest.key_reused"
    status = 409


class TooLarge(Refusal):
    """More bytes than a batch may have, as sent or unpacked."""

    code = "ingest.too_large"
    status = 413


class TooManyDocuments(Refusal):
    """More documents than a batch may have."""

    code = "ingest.too_many_documents"
    status = 413


class UnsupportedMediaType(Refusal):
    """Neither NDJSON nor JSON, or an encoding other than gzip."""

    code = "ingest.unsupported_media_type"
    status = 415


class UnreadableBody(Refusal):
    """The body cannot be unpacked or cut into documents."""

    code = "ingest.unreadable_body"


class EmptyBatch(Refusal):
    """No document in the body."""

    code = "ingest.empty_batch"


class TooFast(Refusal):
    """More requests a minute than a sender may make."""

    code = "ingest.too_fast"
    status = 429


class Backlog(Refusal):
    """The organisation has more documents waiting than the portal keeps for it."""

    code = "ingest.backlog"
    status = 429


def parse_key(value: str | None) -> str:
    """The sender's key; refuses a missing one, one over 255 characters, and unprintable ones."""
    if not value:
        raise KeyMissing
    if len(value) > KEY_LENGTH_MAX or not _KEY.fullmatch(value):
        raise KeyUnfit(length_max=KEY_LENGTH_MAX)
    return value
