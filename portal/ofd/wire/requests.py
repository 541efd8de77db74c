"""Our documents as requests of protocol 2.0.3, and the service block that every request carries.

A receipt states its tax position by position, its own discount and markup as what is left of the two with the rounding of the
total inside (the protocol allows one of them), cash net of change, and departments from one. What a register issued without its
operator carries its autonomous sign and the period in which that went on.
"""

from collections import Counter
from datetime import datetime
from typing import Final

from portal.fiscal.documents import Document
from portal.ofd.exchange import Line, Outgoing, Registration
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.figures import zx_report
from portal.ofd.wire.items import DISCOUNT, MARKUP, items_of, modifier, tax
from portal.ofd.wire.values import OPERATION_TYPES, PAYMENT_TYPES, money, wall_time

SOFTWARE: Final = "Kassa Portal"
SOFTWARE_VERSION: Final = "0.1.0"

_Request = v203.TicketRequest


def request_of(line: Line, item: Outgoing, *, now: datetime) -> v203.Request:
    """The request that delivers a document. `now` ends the period without the operator.

    The same document of a register that works with its operator gives the same request, whenever it is asked for. Raises
    ValueError for what is never sent: an annulment, the opening of a shift, a report that is not ours.
    """
    document = item.document
    request = v203.Request()
    if document.kind in OPERATION_TYPES:
        request.command = v203.COMMAND_TICKET
        request.ticket.CopyFrom(ticket_of(item))
    elif document.kind in {"cash_in", "cash_out"}:
        request.command = v203.COMMAND_MONEY_PLACEMENT
        request.money_placement.CopyFrom(_money_placement(item))
    elif document.kind == "z_report":
        request.command = v203.COMMAND_CLOSE_SHIFT
        request.close_shift.CopyFrom(_close_shift(item))
    elif document.kind == "x_report":
        request.command = v203.COMMAND_REPORT
        request.report.CopyFrom(_report(item))
    else:
        raise ValueError(f"{document.kind} is never sent to an operator of Kazakhstan")
    since = item.offline_since
    if since is None and item.is_autonomous:
        since = document.issued_at
    until = document.issued_at if since is None else max(now, since)
    request.service.CopyFrom(service_of(line, since or document.issued_at, until))
    return request


def system_request(line: Line, *, now: datetime, offline_since: datetime | None = None) -> v203.Request:
    """COMMAND_SYSTEM: does the operator know this register?"""
    return v203.Request(command=v203.COMMAND_SYSTEM, service=service_of(line, offline_since or now, now))


def info_request(line: Line, *, now: datetime, offline_since: datetime | None = None) -> v203.Request:
    """COMMAND_INFO: the operator's counters of the open shift."""
    return v203.Request(command=v203.COMMAND_INFO, service=service_of(line, offline_since or now, now))


def service_of(line: Line, since: datetime, until: datetime) -> v203.ServiceRequest:
    """The service block; `since` and `until` bound the time without the operator, and are equal when there was none."""
    facts = line.registration
    block = v203.ServiceRequest(
        security_stats=_security(facts),
        offline_period=v203.ServiceRequest.OfflinePeriod(
            begin_time=wall_time(since), end_time=wall_time(until)
        ),
        get_reg_info=True,
        software_information=v203.ServiceRequest.SoftwareInformation(
            module_infos=[
                v203.ServiceRequest.SoftwareInformation.ModuleInformation(
                    name=SOFTWARE, version=SOFTWARE_VERSION
                )
            ],
            os_family="Linux",
        ),
    )
    kkm, org = block.reg_info.kkm, block.reg_info.org
    for message, field, value in (
        (kkm, "point_of_payment_number", facts.point),
        (kkm, "terminal_number", facts.terminal),
        (kkm, "fns_kkm_id", facts.registration_number),
        (kkm, "serial_number", facts.factory_number),
        (kkm, "kkm_id", str(line.device) if line.device else ""),
        (org, "title", facts.organisation),
        (org, "address", facts.address),
        (org, "inn", facts.tax_id),
        (org, "okved", facts.activity),
    ):
        if value:
            setattr(message, field, value)
    return block


def _security(facts: Registration) -> v203.ServiceRequest.SecurityStats:
    stats = v203.ServiceRequest.SecurityStats(os_version="Linux")
    if facts.latitude or facts.longitude:
        # The place is entered by people, no device measures it.
        stats.geo_position.CopyFrom(
            v203.ServiceRequest.SecurityStats.GeoPosition(
                latitude=facts.latitude, longitude=facts.longitude, source="manual"
            )
        )
    return stats


# Receipts


def ticket_of(item: Outgoing) -> v203.TicketRequest:
    """A receipt."""
    document = item.document
    own, is_markup, more_tax = _own_modifier(document)
    ticket = _Request(
        operation=OPERATION_TYPES[document.kind],
        date_time=wall_time(document.issued_at),
        operator=_operator(document),
        domain=_Request.Domain(type=v203.DOMAIN_TRADING),
        items=items_of(document, more_tax),
        payments=_payments(document),
        amounts=_amounts(document, own, is_markup=is_markup),
        fr_shift_number=document.shift,
        shift_document_number=document.ordinal,
        printed_document_number=document.number,
    )
    if item.autonomous_sign is not None:
        ticket.offline_ticket_number = int(item.autonomous_sign)
    if document.buyer is not None:
        ticket.extension_options.customer_iin_or_bin = document.buyer
    basis = document.basis_receipt
    if basis is not None:
        ticket.parent_ticket.CopyFrom(
            _Request.ParentTicket(
                parent_ticket_number=basis.fiscal_sign,
                parent_ticket_data_time=wall_time(basis.issued_at),
                kgd_kkm_id=basis.registration_number,
                parent_ticket_total=money(basis.total_minor),
                parent_ticket_is_offline=basis.autonomous,
            )
        )
    return ticket


def _operator(document: Document) -> v203.Operator:
    # An operator must have a code; a cashier without one is the first.
    operator = v203.Operator(code=document.cashier_code or 1)
    if document.cashier:
        operator.name = document.cashier
    return operator


def _payments(document: Document) -> list[v203.TicketRequest.Payment]:
    paid = document.payments
    sums = {
        "cash": paid.cash_minor - document.change_minor,
        "card": paid.card_minor,
        "mobile": paid.mobile_minor,
        "other": paid.other_minor,
    }
    taken = {name: sum_ for name, sum_ in sums.items() if sum_} or {"cash": 0}
    return [_Request.Payment(type=PAYMENT_TYPES[name], sum=money(sum_)) for name, sum_ in taken.items()]


def _amounts(
    document: Document, own: v203.TicketRequest.Modifier | None, *, is_markup: bool
) -> v203.TicketRequest.Amounts:
    amounts = _Request.Amounts(total=money(document.total_minor))
    if document.payments.cash_minor:
        amounts.taken.CopyFrom(money(document.payments.cash_minor))
        amounts.change.CopyFrom(money(document.change_minor))
    if own is not None:
        (amounts.markup if is_markup else amounts.discount).CopyFrom(own)
    return amounts


def _own_modifier(document: Document) -> tuple[v203.TicketRequest.Modifier | None, bool, dict[int, int]]:
    """What is left of the receipt's own discount, markup and rounding: a modifier, and whether it is a markup.

    Last, tax by rate that it cannot state because it goes the other way, e.g. of a small markup beside a large discount.
    """
    left = document.markup_minor - document.discount_minor + document.rounding_minor
    sign = 1 if left > 0 else -1
    taxes: Counter[int] = Counter()
    for change in document.modifiers:
        for share in change.shares:
            if share.tax_rate is not None:
                taxes[share.tax_rate] += share.tax_minor if change.markup else -share.tax_minor
    against = {rate: sum_ for rate, sum_ in taxes.items() if not left or sum_ * sign < 0}
    if not left:
        return None, False, against
    with_it = [tax(rate, abs(sum_)) for rate, sum_ in sorted(taxes.items()) if rate not in against]
    names = [change.name for change in document.modifiers if change.name and change.markup is (sign > 0)]
    name = names[0] if len(names) == 1 else MARKUP if sign > 0 else DISCOUNT
    return modifier(name, abs(left), with_it), sign > 0, against


# Cash and reports


def _money_placement(item: Outgoing) -> v203.MoneyPlacementRequest:
    document = item.document
    return v203.MoneyPlacementRequest(
        datetime=wall_time(document.issued_at),
        operation=(
            v203.MONEY_PLACEMENT_DEPOSIT if document.kind == "cash_in" else v203.MONEY_PLACEMENT_WITHDRAWAL
        ),
        sum=money(document.total_minor),
        is_offline=item.is_autonomous,
        fr_shift_number=document.shift,
        printed_document_number=document.number,
        operator=_operator(document),
    )


def _close_shift(item: Outgoing) -> v203.CloseShiftRequest:
    document = item.document
    return v203.CloseShiftRequest(
        close_time=wall_time(document.issued_at),
        is_offline=item.is_autonomous,
        fr_shift_number=document.shift,
        # Cash that is taken out at the end of a shift is a movement of its own.
        withdraw_money=False,
        z_report=zx_report(document),
        operator=_operator(document),
        printed_document_number=document.number,
    )


def _report(item: Outgoing) -> v203.ReportRequest:
    document = item.document
    return v203.ReportRequest(
        report=v203.REPORT_X,
        date_time=wall_time(document.issued_at),
        is_offline=item.is_autonomous,
        zx_report=zx_report(document),
    )
