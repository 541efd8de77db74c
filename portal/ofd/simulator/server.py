"""The operator as a server of its own: two TCP ports for registers, one HTTP port for people and tests, one book.

It runs in a thread with its own event loop, so that a test can hold one and a program can be one. What it offers in process may be
called from any thread; the same is offered over HTTP (`portal.ofd.simulator.page`, `portal.ofd.simulator.address`).
"""

import asyncio
import fcntl
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from portal.fiscal.documents import ShiftReport
from portal.ofd.simulator import account as accounts
from portal.ofd.simulator import zx
from portal.ofd.simulator.account import Account, Facts, Opening
from portal.ofd.simulator.book import Row
from portal.ofd.simulator.lines import BelarusDesk, Desk, Exchange, KazakhDesk
from portal.ofd.simulator.mischief import Mischief
from portal.ofd.simulator.office import KAZAKHSTAN, Office, key_of, new_cashier
from portal.ofd.wire import v203_pb2 as pb
from portal.ofd.wire.figures import figures

BACKLOG: Final = 1024
START_TIMEOUT_S: Final = 30.0
CALL_TIMEOUT_S: Final = 30.0
BREATH_S: Final = 0.2

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class BookBusy(Exception):
    """Another operator works with this file."""


class OperatorServer:
    """An operator. Ports of nought are chosen when it starts; `host` is where all of them listen.

    `device` is the operator's number of a register, or in Belarus (`country="by"`) its factory number.
    """

    def __init__(
        self,
        path: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        belarus_port: int = 0,
        mischief: Mischief | None = None,
    ) -> None:
        self.path = path
        self.host = host
        self.port = port
        self.belarus_port = belarus_port
        self.mischief = mischief or Mischief()
        self.failure: BaseException | None = None
        self._lock: IO[bytes] | None = None

    def start(self) -> None:
        """Open the book and listen; after `stop`, again on the same ports, from the book alone. Raises `BookBusy`, or OSError when a port is taken."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self.path.with_name(f"{self.path.name}.lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise BookBusy(str(self.path)) from None
        try:
            kazakh, belarus = _listen(self.host, self.port), _listen(self.host, self.belarus_port)
        except OSError:
            self._lock.close()
            raise
        self.failure = None
        self._lines: set[Exchange] = set()
        self._calls: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self.port, self.belarus_port = kazakh.getsockname()[1], belarus.getsockname()[1]
        self.office = Office(self.path, self.mischief, self._written)
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._run(kazakh, belarus, ready)),
            name="operator",
            daemon=True,
        )
        self._thread.start()
        ready.wait(START_TIMEOUT_S)

    def stop(self) -> None:
        """Stop listening, cut the lines off and close the book. What was answered is in it."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self.office.book.close()
        self._loop.close()
        if self._lock is not None:
            self._lock.close()

    # What the operator's people can do

    def register(
        self,
        device: int | str,
        token: int = 0,
        rnm: str = "",
        znm: str = "",
        *,
        country: str = KAZAKHSTAN,
        title: str = "",
        tax_id: str = "",
        address: str = "",
        operator: str = "kazakhtelecom",
        opening: Opening | None = None,
    ) -> None:
        """Put a register on record, with what it brings from its past. One that is there already stays as it is.

        Facts that are given (registration and factory number, taxpayer's number) are held against those that the register states. Raises
        ValueError for a device or a token that cannot be.
        """
        facts = Facts(rnm=rnm, znm=znm, title=title, tax_id=tax_id, address=address, operator=operator)
        start = opening or Opening()
        self._keep(lambda waiter: self.office.register(country, device, token, facts, start, waiter=waiter))

    def reset_token(self, device: int | str, token: int, *, country: str = KAZAKHSTAN) -> None:
        """Begin a register's chain of tokens anew. Raises `portal.ofd.simulator.office.NotOnRecord`."""
        key = key_of(country, device)
        self._keep(lambda waiter: self.office.reset_token(key, token, waiter=waiter))

    def block(self, device: int | str, *, is_blocked: bool = True, country: str = KAZAKHSTAN) -> None:
        """Answer a register 15 from now on, or no longer."""
        key = key_of(country, device)

        def change(waiter: object) -> None:
            account = self.office.find(key)
            account.is_blocked = is_blocked
            self.office.save(account, waiter=waiter)

        self._keep(change)

    def allow(
        self,
        device: int | str,
        login: str,
        password: str,
        *,
        code: int,
        name: str,
        roles: Sequence[int] = (1,),
    ) -> None:
        """Let a cashier sign in at a register (COMMAND_AUTH)."""
        key, cashier = key_of(KAZAKHSTAN, device), new_cashier(password, code, name, roles)

        def change(waiter: object) -> None:
            account = self.office.find(key)
            account.cashiers[login] = cashier
            self.office.save(account, waiter=waiter)

        self._keep(change)

    # What the operator knows

    def accounts(self) -> list[Account]:
        """Every register on record, as it stands."""
        return self._call(lambda: [_copy(account) for account in self.office.accounts.values()])

    def account(self, device: int | str, *, country: str = KAZAKHSTAN) -> Account:
        """One register as it stands. Raises `portal.ofd.simulator.office.NotOnRecord`."""
        key = key_of(country, device)
        return self._call(lambda: _copy(self.office.find(key)))

    def counters(self, device: int | str, *, country: str = KAZAKHSTAN) -> ShiftReport:
        """The operator's own counters of the shift that is open, or was open last. Sections as the wire calls them."""
        key = key_of(country, device)
        return self._call(lambda: self.office.report(key))

    def figures(self, device: int | str) -> dict[str, int]:
        """The same by the names of `portal.ofd.wire.figures.figures`, to be held against a register's own."""
        account = self.account(device)
        return figures(zx.report(account, self.office.now(), account.shift))

    def z_figures(self, device: int | str) -> dict[int, dict[str, int]]:
        """The operator's own figures of every shift that was closed, by its number."""
        found: dict[int, dict[str, int]] = {}
        for row in self.documents(device, only_accepted=True):
            if row.command == "close_shift" and row.shift is not None:
                found[row.shift] = figures(pb.Response.FromString(row.answer).report.zx_report)
        return found

    def documents(
        self,
        device: int | str | None = None,
        *,
        country: str = KAZAKHSTAN,
        only_accepted: bool = False,
        limit: int | None = None,
    ) -> list[Row]:
        """What was received, refused documents among it, oldest first."""
        key = None if device is None else key_of(country, device)
        return self.office.book.documents(key, limit=limit, only_accepted=only_accepted)

    def document(self, place: int) -> Row | None:
        """One document by its place in the book."""
        return self.office.book.document(place)

    # Inside

    async def _run(self, kazakh: socket.socket, belarus: socket.socket, ready: threading.Event) -> None:
        for listening, desk in ((kazakh, KazakhDesk(self.office)), (belarus, BelarusDesk(self.office))):
            self._loop.add_reader(listening, self._accept, listening, desk)
        ready.set()
        await self._over.wait()
        for listening in (kazakh, belarus):
            self._loop.remove_reader(listening)
            listening.close()
        # Calls that were just taken become lines first, so that none is left hanging.
        await asyncio.gather(*self._calls, return_exceptions=True)
        for line in tuple(self._lines):
            line.cut()
        # One more turn, in which the lines let go of their sockets.
        await asyncio.sleep(0)

    def _accept(self, listening: socket.socket, desk: Desk) -> None:
        for _ in range(BACKLOG):
            try:
                call, _ = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                # No more files: the calls wait until some lines have ended.
                _log.warning("a call cannot be taken: %s", error)
                self._loop.remove_reader(listening)
                self._loop.call_later(BREATH_S, self._listen_again, listening, desk)
                return
            call.settimeout(0)
            # The loop's own server forgets calls that it takes in the moment it is closed; taken by hand they are known.
            taking = self._loop.create_task(
                self._loop.connect_accepted_socket(lambda: Exchange(self.office, desk, self._lines), call)
            )
            self._calls.add(taking)
            taking.add_done_callback(self._calls.discard)

    def _listen_again(self, listening: socket.socket, desk: Desk) -> None:
        if listening.fileno() >= 0:
            self._loop.add_reader(listening, self._accept, listening, desk)

    def _written(self, waiters: Sequence[object]) -> None:
        """The book's thread says what it has written."""
        if waiters and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, waiters)

    def _tell(self, waiters: Sequence[object]) -> None:
        for waiter in waiters:
            if isinstance(waiter, Exchange):
                waiter.speak()
            elif isinstance(waiter, Future):
                waiter.set_result(None)
            elif isinstance(waiter, Exception):
                # What is in memory is ahead of the file: nothing that rests on it may be said any more.
                _log.error("the book takes nothing any more: %s", waiter)
                self.failure = waiter
                self._over.set()

    def _call(self, what: Callable[[], _T]) -> _T:
        """Do something in the thread that serves the lines, and bring its result."""
        result: Future[_T] = Future()

        def do() -> None:
            try:
                result.set_result(what())
            except Exception as error:  # noqa: BLE001 — it is the caller's
                result.set_exception(error)

        self._loop.call_soon_threadsafe(do)
        return result.result(CALL_TIMEOUT_S)

    def _keep(self, what: Callable[[object], object]) -> None:
        """Do something that the book has to have before it counts as done."""
        written: Future[None] = Future()
        self._call(lambda: what(written))
        written.result(CALL_TIMEOUT_S)


def _copy(account: Account) -> Account:
    return accounts.decode(accounts.encode(account))


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.settimeout(0)
    except OSError:
        listening.close()
        raise
    return listening
