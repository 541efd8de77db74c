"""The operator's office: the registers on record, their accounts and answers in memory, and the book that outlives them.

What is in memory is always a moment ahead of the book; no answer leaves before the book has what it rests on. Everything here
runs in the one thread that serves the lines.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from portal.fiscal.documents import ShiftReport
from portal.ofd.simulator import account as accounts
from portal.ofd.simulator.account import REFUSED_MAX, Account, Cashier, Facts, Opening
from portal.ofd.simulator.answers import DOCUMENTS_KEPT, Answers
from portal.ofd.simulator.book import Book, Entry, Row
from portal.ofd.simulator.codes import (
    NOT_ENOUGH_CASH,
    SHIFT_ALREADY_OPENED,
    SHIFT_TOO_LONG,
    Refused,
    incorrect,
)
from portal.ofd.simulator.mischief import Mischief
from portal.primitives import clock
from portal.primitives.money import plain

SHIFT_LENGTH_MAX: Final = timedelta(hours=24)
TOKEN_MAX: Final = 0xFFFF_FFFF
KAZAKHSTAN: Final = "kz"
BELARUS: Final = "by"


class NotOnRecord(LookupError):
    """No such register stands on record."""


def key_of(country: str, device: int | str) -> str:
    """How a register is called in the book: by its device id in Kazakhstan, by its factory number in Belarus."""
    if country not in {KAZAKHSTAN, BELARUS}:
        raise ValueError(f"{country!r} is not kz or by")
    name = str(device)
    if country == KAZAKHSTAN and not (name.isascii() and name.isdigit() and 0 < int(name) <= TOKEN_MAX):
        raise ValueError(f"a device id is a number of 32 bits, not {name!r}")
    if not name or len(name) > 64 or "/" in name:
        raise ValueError(f"{name!r} is no name of a register")
    return f"{country}/{name}"


class Office:
    """Everything the operator knows."""

    def __init__(self, path: Path, mischief: Mischief, notify: Callable[[Sequence[object]], None]) -> None:
        self.book = Book(path, notify)
        self.mischief = mischief
        self.accounts = {account.key: account for account in self.book.load_accounts()}
        self.answers = {
            key: Answers(self.book.load_answers(key), account.served)
            for key, account in self.accounts.items()
        }
        self._place = self.book.last_place()
        self._recent: dict[str, dict[int, Row]] = {}
        self._kept = {key: accounts.encode(account) for key, account in self.accounts.items()}

    def now(self) -> datetime:
        """The operator's own clock."""
        return clock.now() + timedelta(seconds=self.mischief.skew_s)

    def keep(self, entry: Entry) -> None:
        """Put an exchange into the book; its waiter hears when it is on the disk."""
        if entry.account is not None:
            self._kept[entry.key] = entry.account
        self.book.keep(entry)

    def take_back(self, key: str) -> None:
        """An exchange broke in the middle: let the account stand as it was last kept."""
        if key in self._kept:
            self.accounts[key] = accounts.decode(self._kept[key])

    # Registers on record

    def register(
        self, country: str, device: int | str, token: int, facts: Facts, opening: Opening, *, waiter: object
    ) -> Account:
        """Put a register on record, durable when `waiter` hears. One that is there already stays exactly as it is."""
        key = key_of(country, device)
        if not 0 <= token <= TOKEN_MAX:
            raise ValueError(f"a token is a number of 32 bits, not {token}")
        account = self.accounts.get(key)
        if account is None:
            account = accounts.open_account(key, country, facts, token, opening)
            self.accounts[key] = account
            self.answers[key] = Answers([], 0)
        self.save(account, waiter=waiter)
        return account

    def find(self, key: str) -> Account:
        """A register on record; raise `NotOnRecord`."""
        account = self.accounts.get(key)
        if account is None:
            raise NotOnRecord(key)
        return account

    def reset_token(self, key: str, token: int, *, waiter: object) -> None:
        """Begin the chain of tokens anew, as in the operator's cabinet.

        Questions that were answered before may be asked again with the new token: a register that never heard the answer
        has no other any more.
        """
        account = self.find(key)
        if not 0 <= token <= TOKEN_MAX:
            raise ValueError(f"a token is a number of 32 bits, not {token}")
        account.token, account.strays = token, {}
        for stored in self.answers[key].all():
            stored.tokens.append(token)
            self.keep(Entry(key=key, stored=msgspec.structs.replace(stored, tokens=[*stored.tokens])))
        self.save(account, waiter=waiter)

    def save(self, account: Account, *, waiter: object = None) -> None:
        """Keep what stands in memory."""
        self.keep(Entry(key=account.key, account=accounts.encode(account), waiter=waiter))

    def report(self, key: str) -> ShiftReport:
        """The operator's own counters of a register."""
        return accounts.report_of(self.find(key))

    # Documents

    def next_place(self) -> int:
        """The place of the next document in the book."""
        self._place += 1
        return self._place

    def remember(self, row: Row) -> None:
        """Keep a document at hand for as long as its answer is kept."""
        recent = self._recent.setdefault(row.key, {})
        recent[row.place] = row
        while len(recent) > DOCUMENTS_KEPT:
            del recent[next(iter(recent))]

    def recall(self, key: str, place: int) -> Row | None:
        """A document by its place."""
        return self._recent.get(key, {}).get(place) or self.book.document(place)

    def recall_numbered(self, key: str, number: int) -> Row | None:
        """An accepted document of a register by its number."""
        for row in reversed(self._recent.get(key, {}).values()):
            if row.number == number and row.code == 0:
                return row
        return self.book.document_numbered(key, number)


# What both countries ask of the order of documents


def check_order(account: Account, number: int, shift: int | None, at: datetime) -> None:
    """Numbers go up, time does not go back, shifts follow one another; raise `Refused`.

    A document that this operator itself refused may come again out of turn while its shift is open.
    """
    if number <= account.number:
        if number not in account.refused:
            raise incorrect(f"номер документа {number} после {account.number}")
        if shift is not None and (shift != account.shift or not account.is_open):
            raise incorrect(f"смена {shift} уже закрыта")
        return
    if shift is not None:
        if account.is_open and shift > account.shift:
            raise Refused(SHIFT_ALREADY_OPENED, f"открыта смена {account.shift}")
        if shift < account.shift or (shift == account.shift and not account.is_open):
            raise incorrect(f"смена {shift} уже закрыта")
    if account.last_at is not None and at < account.last_at:
        raise incorrect("документ раньше предыдущего")


def check_length(account: Account, at: datetime) -> None:
    """A shift is no longer than 24 hours, by the documents' own time; raise `Refused`."""
    if account.is_open and account.hours_from is not None and at - account.hours_from > SHIFT_LENGTH_MAX:
        raise Refused(SHIFT_TOO_LONG)


def check_cash(account: Account, moved_minor: int) -> None:
    """The drawer never holds less than nothing; raise `Refused`."""
    if moved_minor < 0 and account.cash_minor + moved_minor < 0:
        raise Refused(NOT_ENOUGH_CASH, f"в кассе {plain(account.cash_minor)}")


def advance(account: Account, number: int, at: datetime) -> None:
    """A document was taken."""
    account.served += 1
    if number in account.refused:
        account.refused.remove(number)
    account.number = max(account.number, number)
    account.last_at = at if account.last_at is None else max(account.last_at, at)


def note_refused(account: Account, number: int) -> bool:
    """A document was refused; it may come again out of turn. Tell whether that was news.

    A number that is not above the last was either taken before or refused before: it wins nothing by being refused again.
    """
    if number <= account.number or number in account.refused:
        return False
    account.refused.append(number)
    del account.refused[:-REFUSED_MAX]
    return True


# Signs, tokens and cashiers


# Seeded by the system once: asking it for every token would be a third of an exchange.
_chance: Final = Random()


def new_token(old: int) -> int:
    """Another token."""
    while True:
        token = _chance.getrandbits(32)
        if token not in {0, old}:
            return token


def fiscal_sign(place: int) -> str:
    """A sign of ten digits, another one for every document of the book: the multiplier is odd, so that nothing repeats."""
    return str(1_000_000_000 + place * 2_654_435_761 % 2**32)


def hide(password: str, salt: bytes) -> bytes:
    """A cashier's password as it is kept."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1)


def new_cashier(password: str, code: int, name: str, roles: Sequence[int]) -> Cashier:
    """A cashier who may sign in at a register."""
    salt = secrets.token_bytes(16)
    return Cashier(code=code, name=name, roles=tuple(roles), salt=salt, secret=hide(password, salt))
