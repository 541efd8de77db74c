"""Where the operator of a data directory is, and registers put on its record from outside."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.cli import load
from portal.config import ROOT
from portal.ofd.simulator.account import Opening
from portal.ofd.simulator.address import (
    Address,
    Unreachable,
    address_file,
    put_on_record,
    read_address,
    read_documents,
    read_register,
    reset_token,
    switch_mischief,
)
from portal.ofd.simulator.records import ensure_address, keep_records
from tests.ofd.caller import Caller


@contextmanager
def _program(data: Path, *options: str) -> Iterator[tuple[Address, "subprocess.Popen[str]"]]:
    program = subprocess.Popen(
        [sys.executable, "-P", "-m", "portal.cli", "ofd", "--data", str(data), *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    try:
        assert program.stdout.readline().startswith("Kazakhstan")
        assert "registers on record" in program.stdout.readline()
        address = read_address(data)
        assert address is not None
        yield address, program
    finally:
        program.kill()
        program.wait()
        program.stdout.close()


class _Elsewhere(Caller):
    """A register whose operator is another process: only its port is known here."""


def _caller(address: Address, device: int, token: int, **state: int) -> Caller:
    return _Elsewhere(address, device=device, token=token, **state)  # type: ignore[arg-type]  # an address has the port as well


def test_nobody_is_anywhere_before_the_first_start(tmp_path: Path) -> None:
    assert read_address(tmp_path) is None


def test_ports_are_chosen_once_and_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    address = ensure_address(tmp_path)
    assert ensure_address(tmp_path) == read_address(tmp_path) == address
    assert len({address.port, address.belarus_port, address.http_url}) == 3
    assert stat.S_IMODE(address_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.processes
def test_registers_are_put_on_record_whether_the_operator_runs_or_not(tmp_path: Path) -> None:
    with keep_records(tmp_path) as (address, put):
        put(device=1, token=11, rnm="032600010282", place="Алматы")
        put(device="ZN1", country="by", opening=Opening(number=5, shift=1))
    with pytest.raises(Unreachable):
        read_register(address, 1)
    with _program(tmp_path) as (running, program):
        assert running == address
        with keep_records(tmp_path) as (there, put):
            assert there == address
            put(device=2, token=22, opening=Opening(non_nullable_minor={"sale": 500}, number=7, shift=1))
            put(device=1, token=99)
        put_on_record(address, device=3, token=33, place="Астана")
        assert [read_register(address, device)["token"] for device in (1, 2, 3)] == [11, 22, 33]
        assert read_register(address, 1)["facts"]["address"] == "Алматы"
        assert read_register(address, 3)["facts"]["address"] == "Астана"
        assert read_register(address, "ZN1", country="by")["number"] == 5
        caller = _caller(address, 2, 22, number=7, shift=2)
        caller.issue(caller.ticket())
        assert read_register(address, 2)["counters"]["operations"][0]["non_nullable_minor"] == 50_500
        assert [one["number"] for one in read_documents(address, 2)] == [8]
        reset_token(address, 3, 333)
        assert read_register(address, 3)["token"] == 333
        switch_mischief(address, "code_254", on=True)
        assert caller.send(caller.ticket()).code == 254
        switch_mischief(address)
        assert caller.send(caller.x_report()).code == 0
        with pytest.raises(Unreachable, match="404"):
            read_register(address, 44)
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 0
        assert program.stdout is not None
        assert "what it answered is in its book" in program.stdout.read()


@pytest.mark.processes
def test_misbehaves_from_the_start_when_told_so(tmp_path: Path) -> None:
    with _program(tmp_path, "--mischief", "code-255", "--mischief", "slow=0:1") as (address, _):
        put_on_record(address, device=1, token=1)
        caller = _caller(address, 1, 1)
        assert caller.send(caller.ticket()).code == 255


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mischief", "loud"], "'loud' is none of silent"),
        (["--mischief", "lost=2"], "a share of requests is from 0 to 1"),
        (["--mischief", "lost=x"], "could not convert"),
    ],
)
def test_says_what_is_wrong_with_an_option(tmp_path: Path, options: list[str], said: str) -> None:
    done = CliRunner().invoke(load(), ["ofd", "--data", str(tmp_path), *options])
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.processes
def test_two_operators_do_not_share_a_directory(tmp_path: Path) -> None:
    with _program(tmp_path):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "portal.cli", "ofd", "--data", str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1
    assert "another operator works with" in done.stderr
