"""One question of a register of Kazakhstan, and the operator's answer (protocol 2.0.3).

The order in which a question is judged: can the message be read (3); is the register on record (1); was this request number
answered already (the stored answer once more, or 8, or 9); is the token right (2); is the register blocked (15); then the command
itself. A refusal changes nothing and is not stored: the same question is judged anew.

The stored answer goes out with the token that is valid now, which is the one it went out with the first time unless the register has
spoken since. A receipt, or a movement of cash, that was taken online and whose question comes again as an autonomous one
(nobody heard the answer) stays what it is and is from then on counted as offline and known by its autonomous sign as well.
"""

from dataclasses import dataclass
from typing import Final

import msgspec
from google.protobuf.message import DecodeError

from portal.ofd.simulator import account as accounts
from portal.ofd.simulator import codes
from portal.ofd.simulator.account import Account
from portal.ofd.simulator.book import Entry, Stored
from portal.ofd.simulator.codes import Refused
from portal.ofd.simulator.commands import HANDLERS, Question, check_service, document_number, offline_sign
from portal.ofd.simulator.mischief import CODES, Kind, Trick
from portal.ofd.simulator.office import KAZAKHSTAN, Office, new_token, note_refused
from portal.ofd.wire import v203_pb2 as pb
from portal.ofd.wire.frames import Frame, Header

# The token goes on with these; every other answer repeats it.
ROTATING: Final = frozenset({pb.COMMAND_TICKET, pb.COMMAND_CLOSE_SHIFT})
DOCUMENTS: Final = frozenset(
    {pb.COMMAND_TICKET, pb.COMMAND_CLOSE_SHIFT, pb.COMMAND_REPORT, pb.COMMAND_MONEY_PLACEMENT}
)
# A strange token is refused so many times before it is taken for the right one.
STRAY_REFUSALS: Final = 1
# What an operator cannot say of a question that it has answered.
_ONLY_OF_NEW: Final = frozenset({Kind.BAD_TOKEN, Kind.CODE_11, Kind.CODE_14, Kind.CODE_15})


@dataclass
class Reply:
    """What goes back over the wire once `entry` is in the book."""

    frame: Frame
    entry: Entry


def handle(office: Office, header: Header, message: bytes, trick: Trick | None) -> Reply:
    """Judge one question and answer it; the caller sends the answer when the book has the entry."""
    key = f"{KAZAKHSTAN}/{header.device}"
    account = office.accounts.get(key)
    request = pb.Request()
    try:
        # Read before anything is refused: an answer names the command that it answers.
        _parse(message, request)
        if account is None:
            raise Refused(codes.UNKNOWN_DEVICE)
        return _Exchange(office, account, header, Question(office, account, request, message), trick).answer()
    except Refused as refused:
        return Reply(_frame(header, header.token, _refusal(request, refused)), Entry(key=key))


def _parse(message: bytes, request: pb.Request) -> None:
    try:
        request.ParseFromString(message)
    except DecodeError:
        raise Refused(codes.PROTOCOL_ERROR, "сообщение не читается") from None
    if not request.IsInitialized():
        raise Refused(codes.PROTOCOL_ERROR, "не хватает обязательных полей")


def _refusal(request: pb.Request, refused: Refused) -> pb.Response:
    command = request.command if request.HasField("command") else pb.COMMAND_RESERVED
    return pb.Response(command=command, result=pb.Result(result_code=refused.code, result_text=refused.text))


def _frame(header: Header, token: int, response: pb.Response) -> Frame:
    return Frame(header.device, token, header.request_number, response.SerializeToString())


@dataclass
class _Exchange:
    office: Office
    account: Account
    header: Header
    question: Question
    trick: Trick | None

    def answer(self) -> Reply:
        stored = self.office.answers[self.account.key].find(self.header.request_number)
        try:
            self._play(is_new=stored is None)
            if stored is not None:
                return self._repeat(stored)
            self._check_token()
            if self.account.is_blocked:
                raise Refused(codes.BLOCKED)
            return self._take()
        except Refused as refused:
            return self._refuse(refused)

    def _play(self, *, is_new: bool) -> None:
        kind = self.trick.kind if self.trick else None
        if kind in CODES and (is_new or kind not in _ONLY_OF_NEW):
            raise Refused(CODES[kind])

    def _check_token(self) -> None:
        token, account = self.header.token, self.account
        if token == account.token:
            return
        if token not in account.strays:
            raise Refused(codes.INVALID_TOKEN)
        if account.strays[token] < STRAY_REFUSALS:
            account.strays[token] += 1
            raise Refused(codes.INVALID_TOKEN)

    # Three ways out

    def _repeat(self, stored: Stored) -> Reply:
        if self.header.token not in stored.tokens:
            raise Refused(codes.INVALID_REQUEST_NUMBER)
        if self.question.request.command != stored.command:
            raise Refused(codes.INVALID_RETRY)
        entry = Entry(key=self.account.key)
        if stored.place is not None and (sign := offline_sign(self.question.request)) is not None:
            self._count_late(stored.place, sign, entry)
        frame = Frame(self.header.device, self._next_token(entry), self.header.request_number, stored.answer)
        return Reply(frame, entry)

    def _count_late(self, place: int, sign: str, entry: Entry) -> None:
        row = self.office.recall(self.account.key, place)
        if row is None or row.is_offline:
            return
        account = self.account
        entry.amended = msgspec.structs.replace(row, is_offline=True, offline_sign=sign or None)
        self.office.remember(entry.amended)
        if not account.is_open or row.shift != account.shift:
            return
        for name, tally in account.tallies.items():
            tally.offline_count += row.command == "ticket" and row.operation == name
        account.cash_in.offline_count += row.operation == "cash_in"
        account.cash_out.offline_count += row.operation == "cash_out"
        entry.account = accounts.encode(account)

    def _take(self) -> Reply:
        command = self.question.request.command
        handler = HANDLERS.get(command)
        if handler is None:
            raise Refused(
                codes.UNSUPPORTED_COMMAND if command == pb.COMMAND_CANCEL_TICKET else codes.UNKNOWN_COMMAND
            )
        if command in DOCUMENTS:
            check_service(self.question.request, self.account)
        taken = handler(self.question)
        taken.response.command = command
        taken.response.result.CopyFrom(_OK)
        self._add_service(taken.response)
        raw = taken.response.SerializeToString()
        entry = Entry(key=self.account.key)
        if taken.row is not None:
            entry.document = msgspec.structs.replace(taken.row, answer=raw)
            self.office.remember(entry.document)
        old_token = self.header.token
        if command in ROTATING:
            self.account.token, self.account.strays = new_token(self.account.token), {}
        entry.stored = self.office.answers[self.account.key].add(
            self.header.request_number,
            old_token,
            command,
            raw,
            served=self.account.served,
            place=taken.row.place if taken.row else None,
        )
        token = self._next_token(entry)
        if taken.row is not None:
            entry.account = accounts.encode(self.account)
        return Reply(Frame(self.header.device, token, self.header.request_number, raw), entry)

    def _refuse(self, refused: Refused) -> Reply:
        entry = Entry(key=self.account.key)
        number = document_number(self.question.request)
        # Without the strays' counts a restarted operator would refuse a strange token once more; that does no harm.
        is_own = self.header.token in {self.account.token, *self.account.strays}
        if number and is_own and note_refused(self.account, number):
            entry.account = accounts.encode(self.account)
        is_trick = self.trick is not None and self.trick.kind in CODES
        if self.question.request.command in DOCUMENTS and not is_trick:
            entry.document = self.question.row(code=refused.code, why=refused.text, number=number or None)
        response = _refusal(self.question.request, refused)
        return Reply(_frame(self.header, self.header.token, response), entry)

    def _next_token(self, entry: Entry) -> int:
        """The token of the answer: the right one, unless mischief wants another, which is then kept as a stray."""
        account = self.account
        if self.trick is None or self.trick.kind is not Kind.ODD_TOKEN:
            return account.token
        stray = new_token(account.token)
        account.strays[stray] = 0
        while len(account.strays) > 8:
            del account.strays[next(iter(account.strays))]
        entry.account = accounts.encode(account)
        return stray

    def _add_service(self, response: pb.Response) -> None:
        if not self.question.request.service.get_reg_info:
            return
        facts, info = self.account.facts, response.service.reg_info
        info.kkm.fns_kkm_id, info.kkm.serial_number = facts.rnm, facts.znm
        info.kkm.kkm_id = str(self.header.device)
        info.pos.title, info.pos.address = facts.title, facts.address
        info.org.title, info.org.address, info.org.inn = facts.title, facts.address, facts.tax_id
        if self.account.shift:
            last = response.service.last_document_info
            last.fr_shift_number, last.printed_document_number = self.account.shift, self.account.number


_OK: Final = pb.Result(result_code=codes.OK, result_text=codes.TEXTS[codes.OK])
