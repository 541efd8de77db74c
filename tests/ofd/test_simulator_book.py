"""The operator's journal: what was answered is there, whatever happens to the operator."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.config import ROOT
from portal.ofd.simulator.account import Facts, Opening, decode, encode, open_account
from portal.ofd.simulator.address import read_address
from portal.ofd.simulator.book import Book, BookClosed, Entry, Row
from portal.ofd.simulator.records import keep_records
from portal.ofd.simulator.server import BookBusy, OperatorServer
from portal.ofd.simulator.testing import TestOperator
from portal.ofd.wire import v203_pb2 as pb
from tests.ofd.caller import DEVICE, TOKEN, Caller, exchange, frame, hear

AT = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)


def test_comes_back_with_the_same_tokens_counters_and_answers(
    simulator: TestOperator, caller: Caller
) -> None:
    caller.issue(caller.cash(1_000))
    request = caller.ticket()
    token = caller.token
    first = caller.issue(request)
    account, own = simulator.account(DEVICE), simulator.figures(DEVICE)
    simulator.restart()
    assert simulator.account(DEVICE) == account
    assert simulator.figures(DEVICE) == own
    assert caller.send(request, request_number=2, token=token) == first
    caller.issue(caller.ticket())
    assert simulator.figures(DEVICE)["sale.count"] == 2


def test_signs_go_on_after_a_restart(simulator: TestOperator, caller: Caller) -> None:
    signs = set()
    for _ in range(3):
        for _ in range(3):
            signs.add(caller.issue(caller.ticket()).response.ticket.ticket_number)
        simulator.restart()
    assert len(signs) == 9
    assert [row.sign for row in simulator.documents(DEVICE)] == sorted(
        signs, key=[row.sign for row in simulator.documents(DEVICE)].index
    )


def test_keeps_what_was_refused_with_the_reason(simulator: TestOperator, caller: Caller) -> None:
    caller.send(caller.cash(5, is_out=True))
    caller.issue(caller.ticket())
    refused, taken = simulator.documents(DEVICE)
    assert (refused.code, refused.command, refused.number) == (14, "money_placement", 1)
    assert "Недостаточно наличных" in refused.why
    assert (taken.code, taken.total_minor, taken.shift, taken.issued_at) == (0, 50_000, 1, caller.at)
    assert [row.number for row in simulator.documents(DEVICE, only_accepted=True)] == [2]
    assert [row.number for row in simulator.documents(DEVICE, limit=1)] == [2]
    assert pb.Request.FromString(taken.request).ticket.printed_document_number == 2
    assert simulator.document(taken.place) == taken
    assert simulator.document(99) is None


def test_two_operators_never_work_with_one_book(simulator: TestOperator) -> None:
    with pytest.raises(BookBusy):
        OperatorServer(simulator.path).start()


def test_an_answer_waits_for_the_disk(simulator: TestOperator, caller: Caller, tmp_path: Path) -> None:
    """Another program holds the file: nobody hears anything until it lets go, and then everybody does."""
    holder = sqlite3.connect(simulator.path, isolation_level=None)
    holder.execute("begin immediate")
    answers: list[bytes] = []
    message = frame(DEVICE, TOKEN, 1, caller.ticket().SerializeToString())

    def ask() -> None:
        answers.append(exchange(simulator.port, message))

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    asking[0].join(0.3)
    assert answers == []
    holder.execute("rollback")
    holder.close()
    for thread in asking:
        thread.join()
    assert {hear(raw).code for raw in answers} == {0}
    assert len(set(answers)) == 1
    assert simulator.figures(DEVICE)["sale.count"] == 1


def test_a_book_that_takes_nothing_more_ends_the_operator_and_no_answer_leaves(
    simulator: TestOperator, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_group: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    caller.issue(caller.ticket())
    monkeypatch.setattr(simulator.office.book, "_write", full)
    message = frame(DEVICE, caller.token, 2, caller.ticket().SerializeToString())
    with suppress(ConnectionResetError):
        assert exchange(simulator.port, message) == b""
    assert isinstance(simulator.failure, sqlite3.OperationalError)
    simulator.restart()
    assert simulator.figures(DEVICE)["sale.count"] == 1
    assert caller.issue(caller.ticket()).code == 0


def test_a_group_is_written_whole_and_told_once(tmp_path: Path) -> None:
    told: list[Sequence[object]] = []
    book = Book(tmp_path / "book.sqlite", told.append)
    account = open_account("kz/1", "kz", Facts(), 7, Opening())
    for place in range(1, 101):
        account.number = place
        row = Row(key="kz/1", place=place, command="ticket", received_at=AT, number=place)
        book.keep(Entry(key="kz/1", account=encode(account), document=row, waiter=place))
    book.close()
    assert [waiter for group in told for waiter in group] == list(range(1, 101))
    assert book.groups < 100
    again = Book(tmp_path / "book.sqlite", told.append)
    assert (again.last_place(), again.load_accounts()) == (100, [account])
    assert again.document_numbered("kz/1", 50) == again.document(50)
    again.close()
    with pytest.raises(BookClosed):
        again.keep(Entry(key="kz/1"))


def test_what_is_written_is_on_the_disk_and_not_on_its_way(simulator: TestOperator) -> None:
    """A kill would not tell: what the system holds survives it. Only this outlives the power."""
    writer = simulator.office.book._writer
    assert writer.execute("pragma synchronous").fetchone() == (2,)
    assert writer.execute("pragma journal_mode").fetchone() == ("wal",)


def test_an_account_is_kept_to_the_last_field(simulator: TestOperator, caller: Caller) -> None:
    caller.issue(caller.ticket(offline=5))
    caller.issue(caller.cash(7))
    caller.send(caller.cash(10**9, is_out=True))
    account = simulator.account(DEVICE)
    assert account.refused == [3]
    assert decode(encode(account)) == account
    assert account.opened_at is not None


@pytest.mark.processes
def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """The operator as a program, killed in the middle of many registers' work again and again."""
    port, callers = 0, [Caller(None, device=device) for device in range(1, 7)]  # type: ignore[arg-type]  # it is another process
    signs: dict[int, list[str]] = {caller.device: [] for caller in callers}
    for round_ in range(3):
        program = _start(tmp_path)
        try:
            address = read_address(tmp_path)
            assert address is not None
            assert port in {0, address.port}
            port = address.port
            if round_ == 0:
                _put_on_record(tmp_path, callers)
            threads = [
                threading.Thread(target=_insist, args=(port, caller, signs[caller.device]))
                for caller in callers
            ]
            for thread in threads:
                thread.start()
            while sum(map(len, signs.values())) < 60 * (round_ + 1):
                threads[0].join(0.01)
        finally:
            program.kill()
            program.wait()
        for thread in threads:
            thread.join()
    operator = OperatorServer(tmp_path / "operator" / "book.sqlite")
    operator.start()
    try:
        for caller in callers:
            rows = operator.documents(caller.device, only_accepted=True)
            known = [row.sign for row in rows]
            heard = signs[caller.device]
            # At most the last was taken and never heard of.
            assert known[: len(heard)] == heard
            assert len(known) - len(heard) in {0, 1}
            assert [row.number for row in rows] == list(range(1, len(rows) + 1))
            own = operator.figures(caller.device)
            assert own["sale.count"] == own["sale.life_count"] == len(known)
            assert own["cash"] == own["sale.non_nullable"] == 50_000 * len(known)
            if len(known) == len(heard):
                assert operator.account(caller.device).token == caller.token
    finally:
        operator.stop()


def _start(data: Path) -> "subprocess.Popen[str]":
    program = subprocess.Popen(
        [sys.executable, "-P", "-m", "portal.cli", "ofd", "--data", str(data)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline().startswith("Kazakhstan 127.0.0.1:")
    return program


def _put_on_record(data: Path, callers: list[Caller]) -> None:
    with keep_records(data) as (_, put):
        for caller in callers:
            put(device=caller.device, token=TOKEN)


def _insist(port: int, caller: Caller, signs: list[str]) -> None:
    """Issue receipts until the operator is gone; what was not answered is asked again by the next round with its own number."""
    while True:
        if len(signs) == caller.number:
            request = caller.ticket()
            caller.request_number += 1
            caller.pending = request.SerializeToString()
        message = frame(caller.device, caller.token, caller.request_number, caller.pending)
        try:
            raw = exchange(port, message)
        except OSError:
            return
        if not raw:
            return
        heard = hear(raw)
        assert heard.code == 0, heard.text
        caller.token = heard.token
        signs.append(heard.response.ticket.ticket_number)
