"""The operator's own X- and Z-reports in the words of protocol 2.0.3, made of its own counters alone."""

from datetime import datetime
from typing import Final

from portal.fiscal.documents import OPERATIONS, OperationName
from portal.ofd.simulator.account import SIGNS, Account, Flow, Pair, Tally
from portal.ofd.simulator.reading import OPERATION_NAMES, VAT
from portal.ofd.wire import v203_pb2 as pb
from portal.ofd.wire.values import OPERATION_TYPES, money, wall_time

_OPERATIONS: Final = {name: OPERATION_TYPES[name] for _, name in sorted(OPERATION_NAMES.items())}
_PAYMENTS: Final = (
    (pb.PAYMENT_CASH, "cash"),
    (pb.PAYMENT_CARD, "card"),
    (pb.PAYMENT_CREDIT, "other"),
    (pb.PAYMENT_MOBILE, "mobile"),
)
_ZX = pb.ZXReport


def report(account: Account, at: datetime, shift: int, closed_at: datetime | None = None) -> pb.ZXReport:
    """The state of a register's shift at a moment. All sums are those of what was received."""
    tallies = [(number, account.tallies[name]) for name, number in _OPERATIONS.items()]
    revenue_minor = sum(SIGNS[name] * account.tallies[name].sum_minor for name in OPERATIONS)
    return _ZX(
        date_time=wall_time(at),
        shift_number=shift,
        sections=_sections(account),
        operations=[_operation(number, one.item_count, one.item_minor) for number, one in tallies],
        discounts=[_operation(number, one.discount_count, one.discount_minor) for number, one in tallies],
        markups=[_operation(number, one.markup_count, one.markup_minor) for number, one in tallies],
        total_result=[_operation(number, one.item_count, one.sum_minor) for number, one in tallies],
        taxes=_taxes(account),
        start_shift_non_nullable_sums=[
            _ZX.NonNullableSum(operation=number, sum=money(one.start_non_nullable_minor))
            for number, one in tallies
        ],
        ticket_operations=[_tickets(number, one) for number, one in tallies],
        money_placements=[
            _placement(pb.MONEY_PLACEMENT_DEPOSIT, account.cash_in),
            _placement(pb.MONEY_PLACEMENT_WITHDRAWAL, account.cash_out),
        ],
        annulled_tickets=_ZX.AnnulledTickets(
            annulled_tickets_total_count=account.annulled_life_count,
            annulled_tickets_count=account.annulled_count,
        ),
        cash_sum=money(account.cash_minor),
        revenue=_ZX.Revenue(sum=money(abs(revenue_minor)), is_negative=revenue_minor < 0),
        non_nullable_sums=[
            _ZX.NonNullableSum(operation=number, sum=money(one.non_nullable_minor)) for number, one in tallies
        ],
        open_shift_time=wall_time(account.opened_at or at),
        close_shift_time=wall_time(closed_at or at),
        checksum="",
    )


def _operation(number: pb.OperationTypeEnum, count: int, sum_minor: int) -> pb.ZXReport.Operation:
    return _ZX.Operation(operation=number, count=count, sum=money(sum_minor))


def _sections(account: Account) -> list[pb.ZXReport.Section]:
    found: dict[str, list[pb.ZXReport.Operation]] = {}
    for name, number in _OPERATIONS.items():
        for section, pair in _of(account.sections, name):
            found.setdefault(section, []).append(_operation(number, pair.first, pair.second))
    return [_ZX.Section(section_code=code, operations=found[code]) for code in sorted(found)]


def _taxes(account: Account) -> list[pb.ZXReport.Tax]:
    found: dict[int, list[pb.ZXReport.Tax.TaxOperation]] = {}
    for name, number in _OPERATIONS.items():
        for rate, pair in _of(account.taxes, name):
            found.setdefault(int(rate), []).append(
                _ZX.Tax.TaxOperation(
                    operation=number,
                    turnover=money(max(0, pair.first)),
                    sum=money(max(0, pair.second)),
                    turnover_without_tax=money(max(0, pair.first - pair.second)),
                )
            )
    return [_ZX.Tax(tax_type=VAT, percent=rate * 10, operations=found[rate]) for rate in sorted(found)]


def _of(pairs: dict[str, Pair], name: OperationName) -> list[tuple[str, Pair]]:
    return [
        (key.partition("/")[2], pair)
        for key, pair in pairs.items()
        if key.partition("/")[0] == name and (pair.first or pair.second)
    ]


def _tickets(number: pb.OperationTypeEnum, tally: Tally) -> pb.ZXReport.TicketOperation:
    return _ZX.TicketOperation(
        operation=number,
        tickets_total_count=tally.life_count,
        tickets_count=tally.count,
        tickets_sum=money(tally.sum_minor),
        payments=[
            _ZX.TicketOperation.Payment(
                payment=payment,
                sum=money(getattr(tally, f"{name}_minor")),
                count=getattr(tally, f"{name}_count"),
            )
            for payment, name in _PAYMENTS
            if getattr(tally, f"{name}_count")
        ],
        offline_count=tally.offline_count,
        discount_sum=money(tally.discount_minor),
        markup_sum=money(tally.markup_minor),
        change_sum=money(tally.change_minor),
    )


def _placement(operation: pb.MoneyPlacementEnum, flow: Flow) -> pb.ZXReport.MoneyPlacement:
    return _ZX.MoneyPlacement(
        operation=operation,
        operations_total_count=flow.life_count,
        operations_count=flow.count,
        operations_sum=money(flow.sum_minor),
        offline_count=flow.offline_count,
    )
