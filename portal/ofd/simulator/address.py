"""Where the operator of a data directory is, and what other programs may ask of it while it runs.

The operator writes `operator/address.json` into its data directory when it starts: its ports, the address of its page and the key
that lets the owner of the directory change things. It keeps them from one start to the next, so that a register's line stays good.

    address = read_address(data)             # None: no operator was ever started here
    put_on_record(address, device=203605, token=90127062, rnm="032600010282", znm="SWK00033717", title=…, tax_id=…)
    put_on_record(address, device="ZN0001", country="by", znm="ZN0001")
    put_on_record(address, device=203606, token=7, …, opening=Opening(non_nullable_minor={"sale": 1_450_000}, shift=88, number=3_211))

Putting on record twice changes nothing. The register then speaks to `address.host` and `address.port` (or `belarus_port`).
"""

import json
import os
import secrets
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from portal.ofd.simulator.account import Opening

TIMEOUT_S: Final = 30.0
FOLDER: Final = "operator"


class Address(Struct, frozen=True, kw_only=True):
    """Where an operator listens; `key` is what its page asks of those who change things."""

    belarus_port: int
    host: str
    http_url: str
    key: str
    port: int


class Unreachable(Exception):
    """The operator does not answer, or says no; the message tells which."""


def address_file(data: Path) -> Path:
    """Where the address of a data directory's operator is written down."""
    return data / FOLDER / "address.json"


def book_file(data: Path) -> Path:
    """The book of a data directory's operator."""
    return data / FOLDER / "book.sqlite"


def read_address(data: Path) -> Address | None:
    """The address of the operator of a data directory; None when there has been none. Whether it runs, only asking tells."""
    try:
        return msgspec.json.decode(address_file(data).read_bytes(), type=Address)
    except (OSError, msgspec.DecodeError):
        return None


def write_address(data: Path, address: Address) -> None:
    """Write an address down, for its owner's eyes only."""
    path = address_file(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.encode(address))
    fresh.replace(path)


def new_key() -> str:
    """A key for a page."""
    return secrets.token_urlsafe(24)


def put_on_record(
    address: Address,
    *,
    device: int | str,
    token: int = 0,
    rnm: str = "",
    znm: str = "",
    country: str = "kz",
    title: str = "",
    tax_id: str = "",
    place: str = "",
    operator: str = "kazakhtelecom",
    opening: Opening | None = None,
) -> None:
    """Put a register on the running operator's record, durable when this returns. Raises `Unreachable`.

    `place` is where the register is used, `operator` whose address its QR codes carry. What is given of `rnm`, `znm` and `tax_id` is held
    against what the register says in its requests.
    """
    ask(
        address,
        "/registers",
        {
            "device": device,
            "token": token,
            "rnm": rnm,
            "znm": znm,
            "country": country,
            "title": title,
            "tax_id": tax_id,
            "address": place,
            "operator": operator,
            "opening": None if opening is None else msgspec.to_builtins(opening),
        },
    )


def reset_token(address: Address, device: int | str, token: int) -> None:
    """Begin a register's chain of tokens anew. Raises `Unreachable`."""
    ask(address, f"/registers/kz/{device}/token", {"token": token})


def switch_mischief(address: Address, kind: str | None = None, **settings: object) -> None:
    """Switch a kind of mischief on (`on=True`, `share`, `times`, `for_s`, `seconds`, `device`), or off; without a kind all of it off."""
    ask(address, "/mischief", {"kind": kind, **settings})


def read_register(address: Address, device: int | str, *, country: str = "kz") -> dict[str, Any]:
    """One register as the operator sees it: `counters`, `figures`, `token`, `shift`, `number` and the rest. Raises `Unreachable`."""
    found = ask(address, f"/registers/{country}/{urllib.parse.quote(str(device))}.json")
    return dict(found)


def read_documents(
    address: Address, device: int | str, *, country: str = "kz", limit: int = 100
) -> list[dict[str, Any]]:
    """The last documents accepted from a register, oldest first; 500 at most. Raises `Unreachable`."""
    name = urllib.parse.quote(str(device))
    return list(ask(address, f"/registers/{country}/{name}/documents.json?accepted=1&limit={limit}"))


def ask(address: Address, path: str, said: dict[str, object] | None = None) -> Any:
    """Ask the operator's page, or tell it something. Raises `Unreachable`."""
    request = urllib.request.Request(  # noqa: S310 — the address is the operator's own
        f"{address.http_url}{path}",
        data=None if said is None else json.dumps(said).encode(),
        headers={"Content-Type": "application/json", "X-Operator-Key": address.key},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 — as above
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Unreachable(f"{path}: {error.code}") from error
    except (OSError, ValueError) as error:
        raise Unreachable(f"{path}: {error}") from error
