"""Misbehaviour over real sockets, and that a register comes right by itself when it ends."""

import socket
from collections import Counter
from contextlib import suppress

import pytest

from portal.ofd.simulator.mischief import CODES, DRAWN, Kind, Mischief, parse
from portal.ofd.wire import v203_pb2 as pb
from portal.ofd.wire.figures import figures
from portal.ofd.wire.frames import HEADER_BYTES, read_header
from tests.ofd.caller import DEVICE, TOKEN, Caller, exchange, frame, hear


def _raw(caller: Caller, request: pb.Request, *, timeout_s: float = 20.0) -> bytes:
    """What comes back, whatever it is; the register keeps the token it had."""
    message = frame(DEVICE, caller.token, 1, request.SerializeToString())
    return exchange(caller.operator.port, message, timeout_s=timeout_s)


def _sales(caller: Caller) -> int:
    return caller.operator.figures(DEVICE).get("sale.count", 0)


def test_silence_has_not_touched_the_request(caller: Caller) -> None:
    caller.operator.mischief.switch_on("silent", times=1)
    request = caller.ticket()
    with pytest.raises(TimeoutError):
        _raw(caller, request, timeout_s=0.3)
    assert _sales(caller) == 0
    assert caller.send(request, request_number=1).code == 0


def test_a_late_answer_has_processed_the_request(caller: Caller) -> None:
    """The register has hung up by the time the operator speaks, and asks again."""
    caller.operator.mischief.switch_on("slow", times=1, seconds=3600)
    request = caller.ticket()
    with pytest.raises(TimeoutError):
        _raw(caller, request, timeout_s=0.3)
    assert caller.send(request, request_number=1).code == 0
    assert _sales(caller) == 1


def test_a_late_answer_is_whole(caller: Caller) -> None:
    caller.operator.mischief.switch_on("slow", times=1, seconds=0.05)
    assert hear(_raw(caller, caller.ticket())).code == 0


def test_half_an_answer_is_half_of_the_stored_one(caller: Caller) -> None:
    caller.operator.mischief.switch_on("half", times=1)
    request = caller.ticket()
    half = _raw(caller, request)
    whole = _raw(caller, request)
    assert 0 < len(half) < len(whole)
    assert whole.startswith(half)
    assert hear(whole).code == 0
    assert _sales(caller) == 1


def test_a_lost_answer_is_given_when_it_is_asked_for_again(caller: Caller) -> None:
    caller.operator.mischief.switch_on("lost", times=1)
    request = caller.ticket()
    assert _raw(caller, request) == b""
    assert _sales(caller) == 1
    assert caller.send(request, request_number=1).code == 0
    assert _sales(caller) == 1
    assert caller.issue(caller.ticket()).code == 0


def test_an_answer_that_comes_twice_is_the_same_twice(caller: Caller) -> None:
    caller.operator.mischief.switch_on("twice", times=1)
    raw = _raw(caller, caller.ticket())
    assert raw[: len(raw) // 2] == raw[len(raw) // 2 :]
    assert hear(raw[: len(raw) // 2]).code == 0
    assert _sales(caller) == 1


def test_a_reset_is_a_reset_and_has_not_touched_the_request(caller: Caller) -> None:
    caller.operator.mischief.switch_on("reset", times=1)
    request = caller.ticket()
    with pytest.raises(ConnectionResetError):
        _raw(caller, request)
    assert _sales(caller) == 0
    assert caller.send(request, request_number=1).code == 0


@pytest.mark.parametrize("kind", CODES)
def test_a_code_has_not_touched_the_request(caller: Caller, kind: Kind) -> None:
    caller.operator.mischief.switch_on(kind, times=1)
    request = caller.ticket()
    heard = caller.send(request, request_number=1)
    assert heard.code == CODES[kind]
    assert heard.token == TOKEN
    assert _sales(caller) == 0
    assert caller.operator.documents(DEVICE) == []
    assert caller.send(request, request_number=1).code == 0


@pytest.mark.parametrize("kind", [Kind.BAD_TOKEN, Kind.CODE_11, Kind.CODE_14, Kind.CODE_15])
def test_what_was_taken_is_never_refused_afterwards(caller: Caller, kind: Kind) -> None:
    """Otherwise a register would take back what the operator has counted."""
    request = caller.ticket()
    first = caller.send(request, request_number=1)
    caller.operator.mischief.switch_on(kind)
    assert caller.send(request, request_number=1, token=TOKEN) == first


def test_an_unavailable_operator_is_unavailable_to_everybody(caller: Caller) -> None:
    request = caller.ticket()
    caller.send(request, request_number=1)
    caller.operator.mischief.switch_on("code_254", times=1)
    assert caller.send(request, request_number=1, token=TOKEN).code == 254


def test_an_odd_token_is_refused_once_and_then_taken_for_the_right_one(caller: Caller) -> None:
    caller.operator.mischief.switch_on("odd_token", times=1)
    caller.issue(caller.ticket())
    assert caller.token != caller.operator.account(DEVICE).token
    request = caller.ticket()
    assert caller.send(request, request_number=2).code == 2
    assert caller.send(request, request_number=2).code == 0
    assert caller.token == caller.operator.account(DEVICE).token
    assert _sales(caller) == 2


def test_an_odd_token_of_an_answer_that_moves_no_chain_is_taken_as_well(caller: Caller) -> None:
    for _ in range(12):
        caller.operator.mischief.switch_on("odd_token", times=1)
        assert caller.issue(caller.ask(pb.COMMAND_SYSTEM)).token != TOKEN
        assert caller.send(caller.ask(pb.COMMAND_SYSTEM)).code == 2
        assert caller.issue(caller.ask(pb.COMMAND_SYSTEM)).token == TOKEN


def test_an_odd_token_survives_a_restart(caller: Caller) -> None:
    caller.operator.mischief.switch_on("odd_token", times=1)
    caller.issue(caller.ticket())
    caller.operator.restart()  # type: ignore[attr-defined]  # the fixture's operator can
    request = caller.ticket()
    assert [caller.send(request, request_number=2).code for _ in range(2)] == [2, 0]


def test_a_skewed_clock_changes_the_operators_dates_alone(caller: Caller) -> None:
    caller.operator.mischief.switch_on("skew", seconds=86_400 * 400)
    caller.issue(caller.ticket())
    x = caller.issue(caller.x_report()).response.report.zx_report
    (row, _) = caller.operator.documents(DEVICE)
    assert row.issued_at == caller.at
    assert (row.received_at - caller.operator.office.now()).days == -1
    now = caller.operator.office.now()
    assert x.date_time.date.year == now.year
    caller.operator.mischief.switch_off("skew")
    assert (now - caller.operator.office.now()).days in {399, 400}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_register_that_asks_until_it_is_answered_loses_and_doubles_nothing(
    caller: Caller, seed: int
) -> None:
    """Every kind at once; the register does what a register does: the same number and token until an answer comes."""
    mischief = Mischief(seed)
    caller.operator.mischief = caller.operator.office.mischief = mischief
    for kind in DRAWN:
        mischief.switch_on(kind, 0.07, seconds=0.01)
    signs = [
        _insist(caller, caller.ticket() if number % 5 else caller.cash(1_000), number)
        for number in range(1, 61)
    ]
    mischief.switch_off()
    own = figures(caller.issue(caller.z_report()).response.report.zx_report)
    assert (own["sale.count"], own["cash_in.count"], own["cash"]) == (48, 12, 48 * 50_000 + 12 * 1_000)
    rows = caller.operator.documents(DEVICE, only_accepted=True)
    assert [row.number for row in rows] == list(range(1, 62))
    assert [row.sign or "" for row in rows[:-1]] == signs
    assert sum(mischief.counts()[kind] for kind in DRAWN) > 30


def _insist(caller: Caller, request: pb.Request, number: int) -> str:
    """Ask until the answer is a good one; the sign it brings."""
    message = request.SerializeToString()
    for _ in range(100):
        try:
            raw = exchange(caller.operator.port, frame(DEVICE, caller.token, number, message), timeout_s=0.2)
        except (TimeoutError, ConnectionError):
            continue
        # Nothing, half of it, or twice: no answer that can be trusted.
        if len(raw) < HEADER_BYTES or read_header(raw).size != len(raw):
            continue
        heard = hear(raw)
        if heard.code == 0:
            caller.token, caller.request_number = heard.token, number
            return heard.response.ticket.ticket_number
        assert heard.code in CODES.values()
    raise AssertionError("the operator never came round")


# Shares, periods and numbers of times


def _drawn(mischief: Mischief, requests: int) -> Counter[str]:
    return Counter(
        trick.kind.value if trick else "" for trick in (mischief.draw("kz/1") for _ in range(requests))
    )


def test_befalls_its_share_of_the_requests_by_the_seed() -> None:
    def drawn(seed: int) -> Counter[str]:
        mischief = Mischief(seed)
        mischief.switch_on("lost", 0.2)
        mischief.switch_on("reset", 0.1)
        return _drawn(mischief, 10_000)

    first = drawn(5)
    assert first == drawn(5) != drawn(6)
    assert 1_850 < first["lost"] < 2_150
    # Of what is left to it.
    assert 700 < first["reset"] < 1_100


def test_befalls_everybody_nobody_or_so_many() -> None:
    mischief = Mischief()
    mischief.switch_on("lost", 0.0)
    assert _drawn(mischief, 50) == {"": 50}
    mischief.switch_on("lost", times=3)
    assert _drawn(mischief, 50) == {"lost": 3, "": 47}
    mischief.switch_on("lost")
    assert _drawn(mischief, 50) == {"lost": 50}
    mischief.switch_off("lost")
    assert _drawn(mischief, 50) == {"": 50}
    assert mischief.counts()["lost"] == 53
    assert mischief.counts()["requests"] == 200


def test_lasts_for_its_period(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("portal.ofd.simulator.mischief.time.monotonic", lambda: clock[0])
    mischief = Mischief()
    mischief.switch_on("code_254", for_s=60)
    mischief.switch_on("skew", for_s=30, seconds=-5)
    assert (_drawn(mischief, 2), mischief.skew_s) == ({"code_254": 2}, -5)
    clock[0] += 59
    assert (_drawn(mischief, 2), mischief.skew_s) == ({"code_254": 2}, 0)
    clock[0] += 1
    assert (_drawn(mischief, 2), mischief.rules()) == ({"": 2}, ())


def test_may_befall_one_register_only(caller: Caller) -> None:
    other = Caller(caller.operator, device=DEVICE + 1).put_on_record()
    caller.operator.mischief.switch_on("code_254", device=DEVICE)
    assert caller.send(caller.ticket()).code == 254
    assert other.send(other.ticket()).code == 0


@pytest.mark.parametrize(("share", "period_s"), [(-0.1, None), (1.1, None), (1.0, -1.0)])
def test_refuses_shares_and_periods_that_cannot_be(share: float, period_s: float | None) -> None:
    with pytest.raises(ValueError, match=r"share|period"):
        Mischief().switch_on("lost", share, for_s=period_s)


def test_is_told_on_the_command_line() -> None:
    assert parse("lost") == (Kind.LOST, 1.0, None)
    assert parse("code-254=0.25") == (Kind.CODE_254, 0.25, None)
    assert parse("slow=0.5:12") == (Kind.SLOW, 0.5, 12.0)
    assert parse("skew=:-60") == (Kind.SKEW, 1.0, -60.0)
    with pytest.raises(ValueError, match="none of silent, slow"):
        parse("loud")


def test_a_silent_line_lets_the_operator_stop(caller: Caller) -> None:
    caller.operator.mischief.switch_on("silent")
    with socket.create_connection(("127.0.0.1", caller.operator.port), timeout=20) as line:
        line.sendall(frame(DEVICE, TOKEN, 1, caller.ticket().SerializeToString()))
        caller.operator.restart()  # type: ignore[attr-defined]  # the fixture's operator can
        with suppress(ConnectionResetError):
            assert line.recv(1) == b""
    caller.operator.mischief.switch_off()
    assert caller.issue(caller.ticket()).code == 0
