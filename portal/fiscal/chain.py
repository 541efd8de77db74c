"""Canonical bytes, digests, links.

Two chains exist. A till keeps its own over its document numbers and states `digest` and `previous` in each
document. The portal keeps one per register over the order of acceptance, which late documents cannot break.
"""

from hashlib import sha256

import msgspec

from portal.fiscal.documents import Document

_encoder = msgspec.json.Encoder()

_DIGEST = b'"digest":"'


def canonical(document: Document) -> bytes:
    """The one byte form of a document: JSON, names sorted, no spaces, absent values left out.

    Raises UnicodeEncodeError when a text holds half of a surrogate pair.
    """
    return _encoder.encode(document)


def without_digest(canonical_bytes: bytes, digest: str | None) -> bytes:
    """The canonical bytes of the same document before it stated its own digest.

    Quotes inside JSON texts are escaped, so the pattern can match nothing but the field itself; `issued_at`
    always follows it, so the comma behind goes with it.
    """
    if digest is None:
        return canonical_bytes
    start = canonical_bytes.find(_DIGEST)
    return canonical_bytes[:start] + canonical_bytes[start + len(_DIGEST) + len(digest) + len(b'",') :]


def till_digest(previous: bytes, canonical_bytes: bytes) -> bytes:
    """A till's own digest: SHA-256 over the previous digest (empty for the first) and the document without `digest`."""
    digest = sha256(previous)
    digest.update(canonical_bytes)
    return digest.digest()


def link(previous: bytes, canonical_bytes: bytes) -> bytes:
    """The portal's link: SHA-256 over the digest before (empty for the first) and the whole canonical document."""
    digest = sha256(previous)
    digest.update(canonical_bytes)
    return digest.digest()
