"""What each command of protocol 2.0.3 does once the operator has agreed to hear it.

A command checks everything before it changes anything: it raises `Refused`, or the account has moved and the answer is made.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from portal.ofd.simulator import account as accounts
from portal.ofd.simulator import codes, nomenclature, reading, signs, zx
from portal.ofd.simulator.account import Account
from portal.ofd.simulator.book import Row
from portal.ofd.simulator.codes import Refused, incorrect
from portal.ofd.simulator.office import (
    Office,
    advance,
    check_cash,
    check_length,
    check_order,
    fiscal_sign,
    hide,
)
from portal.ofd.simulator.reading import minor, moment
from portal.ofd.wire import v203_pb2 as pb


@dataclass
class Taken:
    """What a command came to: the answer, and what the book keeps of a document."""

    response: pb.Response
    row: Row | None = None


@dataclass
class Question:
    """A request that can be read, of a register that is on record. `message` are its bytes."""

    office: Office
    account: Account
    request: pb.Request
    message: bytes

    def row(self, **facts: object) -> Row:
        """A document for the book."""
        known = {
            "key": self.account.key,
            "place": self.office.next_place(),
            "received_at": self.office.now(),
            "command": _COMMAND_NAMES[self.request.command],
            "request": self.message,
            **facts,
        }
        return msgspec.convert(known, Row)

    def begin(self, number: int, shift: int | None, at: datetime) -> int:
        """Check a document's place in the order; the number of its shift."""
        if not number:
            raise incorrect("нет номера документа (printed_document_number)")
        check_order(self.account, number, shift, at)
        if shift is None:
            return self.account.shift if self.account.is_open else self.account.shift + 1
        return shift

    def open_if_closed(self, shift: int, at: datetime) -> None:
        """The first document of a shift opens it."""
        if not self.account.is_open:
            accounts.open_shift(self.account, shift, at, hours_from=at)


_COMMAND_NAMES: Final = {
    pb.COMMAND_TICKET: "ticket",
    pb.COMMAND_CLOSE_SHIFT: "close_shift",
    pb.COMMAND_REPORT: "report",
    pb.COMMAND_MONEY_PLACEMENT: "money_placement",
}


def check_service(request: pb.Request, account: Account) -> None:
    """What every document carries besides itself, and whether the register is the one on record.

    The schema lets the whole block be absent; one that is there is complete, and an autonomous document needs its period.
    """
    service = request.service
    if request.HasField("service") and not (
        service.HasField("get_reg_info") and service.HasField("reg_info")
    ):
        raise incorrect("служебный блок не полон (service: get_reg_info, reg_info)")
    if offline_sign(request) is not None and not service.HasField("offline_period"):
        raise incorrect("у автономного документа нет периода автономной работы (offline_period)")
    if service.HasField("offline_period"):
        period = service.offline_period
        if moment(period.end_time) < moment(period.begin_time):
            raise incorrect("период автономной работы кончается раньше начала")
    stated = service.reg_info
    for known, told, name in (
        (account.facts.rnm, stated.kkm.fns_kkm_id, "РНМ"),
        (account.facts.znm, stated.kkm.serial_number, "ЗНМ"),
        (account.facts.tax_id, stated.org.inn, "ИИН/БИН"),
    ):
        if known and told and known != told:
            raise Refused(codes.INVALID_CONFIGURATION, f"{name} {told}")


def offline_sign(request: pb.Request) -> str | None:
    """The autonomous sign of a document, an empty one where it has none of its own; None when it is not autonomous."""
    match request.command:
        case pb.COMMAND_TICKET if request.ticket.HasField("offline_ticket_number"):
            return str(request.ticket.offline_ticket_number)
        case pb.COMMAND_MONEY_PLACEMENT if request.money_placement.is_offline:
            return ""
        case pb.COMMAND_CLOSE_SHIFT if request.close_shift.is_offline:
            return ""
        case pb.COMMAND_REPORT if request.report.is_offline:
            return ""
    return None


def document_number(request: pb.Request) -> int:
    """The continuous number of the document that a request brings; nought for none."""
    match request.command:
        case pb.COMMAND_TICKET:
            return request.ticket.printed_document_number
        case pb.COMMAND_MONEY_PLACEMENT:
            return request.money_placement.printed_document_number
        case pb.COMMAND_CLOSE_SHIFT:
            return request.close_shift.printed_document_number
    return 0


# Commands


def _ticket(question: Question) -> Taken:
    request, account = question.request, question.account
    if not request.HasField("ticket"):
        raise Refused(codes.PROTOCOL_ERROR, "нет чека")
    ticket = request.ticket
    at = moment(ticket.date_time)
    stated = ticket.fr_shift_number if ticket.HasField("fr_shift_number") else None
    received = reading.read_ticket(ticket, account.facts)
    shift = question.begin(ticket.printed_document_number, stated, at)
    check_length(account, at)
    check_cash(account, received.cash_moved_minor())
    question.open_if_closed(shift, at)
    accounts.count_receipt(account, received)
    advance(account, ticket.printed_document_number, at)
    row = question.row(
        operation=received.operation,
        number=ticket.printed_document_number,
        shift=shift,
        issued_at=at,
        total_minor=received.total_minor,
        is_offline=received.is_offline,
        offline_sign=offline_sign(request),
    )
    sign = fiscal_sign(row.place)
    address = signs.link(
        account.facts.operator, sign=sign, rnm=account.facts.rnm, total_minor=received.total_minor, at=at
    )
    answer = pb.TicketResponse(ticket_number=sign, qr_code=address.encode())
    return Taken(pb.Response(ticket=answer), msgspec.structs.replace(row, sign=sign))


def _money_placement(question: Question) -> Taken:
    request, account = question.request, question.account
    if not request.HasField("money_placement"):
        raise Refused(codes.PROTOCOL_ERROR, "нет движения наличных")
    placement = request.money_placement
    if not placement.HasField("operator"):
        raise incorrect("не указан кассир (operator)")
    sum_minor, at = minor(placement.sum), moment(placement.datetime)
    if not sum_minor:
        raise incorrect("сумма должна быть больше нуля")
    is_out = placement.operation == pb.MONEY_PLACEMENT_WITHDRAWAL
    stated = placement.fr_shift_number if placement.HasField("fr_shift_number") else None
    shift = question.begin(placement.printed_document_number, stated, at)
    if not (is_out and sum_minor == account.cash_minor):
        # Taking all cash out is a part of closing, and closing is never too late.
        check_length(account, at)
    check_cash(account, -sum_minor if is_out else sum_minor)
    question.open_if_closed(shift, at)
    accounts.count_cash(account, sum_minor, is_out=is_out, is_offline=placement.is_offline)
    advance(account, placement.printed_document_number, at)
    row = question.row(
        operation="cash_out" if is_out else "cash_in",
        number=placement.printed_document_number,
        shift=shift,
        issued_at=at,
        total_minor=sum_minor,
        is_offline=placement.is_offline,
    )
    return Taken(pb.Response(), row)


def _close_shift(question: Question) -> Taken:
    request, account = question.request, question.account
    if not request.HasField("close_shift"):
        raise Refused(codes.PROTOCOL_ERROR, "нет закрытия смены")
    closing = request.close_shift
    if not closing.HasField("z_report"):
        raise incorrect("нет Z-отчёта (z_report)")
    if not closing.HasField("operator"):
        raise incorrect("не указан кассир (operator)")
    at = moment(closing.close_time)
    stated = closing.fr_shift_number if closing.HasField("fr_shift_number") else None
    if stated is None and not account.is_open:
        raise incorrect("смена не открыта")
    shift = question.begin(closing.printed_document_number, stated, at)
    # A shift whose every receipt was refused ends with a Z-report that is the first we hear of it.
    question.open_if_closed(shift, at)
    if closing.withdraw_money and account.cash_minor:
        accounts.count_cash(account, account.cash_minor, is_out=True, is_offline=closing.is_offline)
    advance(account, closing.printed_document_number, at)
    own = accounts.report_of(account, closed_at=at)
    response = pb.Response(
        report=pb.ReportResponse(report=pb.REPORT_Z, zx_report=zx.report(account, at, shift, closed_at=at))
    )
    account.is_open = False
    row = question.row(
        operation="z_report",
        number=closing.printed_document_number,
        shift=shift,
        issued_at=at,
        is_offline=closing.is_offline,
        report=msgspec.json.encode(own),
    )
    return Taken(response, row)


def _report(question: Question) -> Taken:
    request, account = question.request, question.account
    if not request.HasField("report"):
        raise Refused(codes.PROTOCOL_ERROR, "нет отчёта")
    asked = request.report
    if not asked.HasField("zx_report"):
        raise incorrect("нет отчёта кассы (zx_report)")
    at, shift = moment(asked.date_time), asked.zx_report.shift_number
    state = account
    if not account.is_open and shift > account.shift:
        # The register's shift is open, but nothing of it has reached us.
        state = accounts.decode(accounts.encode(account))
        accounts.open_shift(state, shift, at, hours_from=at)
    elif shift != account.shift:
        raise incorrect(f"смена {shift}, а у оператора {account.shift}")
    account.served += 1
    response = pb.Response(
        report=pb.ReportResponse(
            report=asked.report, zx_report=zx.report(state, question.office.now(), shift)
        )
    )
    row = question.row(
        operation="x_report" if asked.report == pb.REPORT_X else "z_report_again",
        shift=shift,
        issued_at=at,
        is_offline=asked.is_offline,
        report=msgspec.json.encode(accounts.report_of(state)),
    )
    return Taken(response, row)


def _info(question: Question) -> Taken:
    account = question.account
    own = zx.report(account, question.office.now(), account.shift)
    return Taken(pb.Response(report=pb.ReportResponse(report=pb.REPORT_X, zx_report=own)))


def _system(_question: Question) -> Taken:
    return Taken(pb.Response())


def _nomenclature(question: Question) -> Taken:
    return Taken(pb.Response(nomenclature=nomenclature.answer(question.request.nomenclature)))


def _auth(question: Question) -> Taken:
    asked = question.request.auth
    cashier = question.account.cashiers.get(asked.login)
    if cashier is None or not hmac.compare_digest(cashier.secret, hide(asked.password, cashier.salt)):
        raise Refused(codes.INVALID_PASSWORD)
    answer = pb.AuthResponse(result=pb.AuthResponse.RESULT_TYPE_OK)
    answer.operator_code, answer.operator_name = cashier.code, cashier.name
    answer.roles.extend(role for role in _ROLES if role in cashier.roles)
    return Taken(pb.Response(auth=answer))


_ROLES: Final = (
    pb.USER_ROLE_PAYMASTER,
    pb.USER_ROLE_CHIEF_PAYMASTER,
    pb.USER_ROLE_ADMINISTRATOR,
)

HANDLERS: Final[dict[int, Callable[[Question], Taken]]] = {
    pb.COMMAND_SYSTEM: _system,
    pb.COMMAND_TICKET: _ticket,
    pb.COMMAND_CLOSE_SHIFT: _close_shift,
    pb.COMMAND_REPORT: _report,
    pb.COMMAND_NOMENCLATURE: _nomenclature,
    pb.COMMAND_INFO: _info,
    pb.COMMAND_MONEY_PLACEMENT: _money_placement,
    pb.COMMAND_AUTH: _auth,
}
