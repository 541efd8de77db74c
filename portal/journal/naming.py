"""How a name becomes the id that documents and rollups know it by."""

from hashlib import blake2b


def derive_id(name: str) -> int:
    """A signed 64-bit id that the same name always gets."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
