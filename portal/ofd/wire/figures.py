"""X- and Z-reports in protocol 2.0.3, and the figures by which ours and the operator's are compared."""

from collections import Counter
from collections.abc import Iterator

from portal.fiscal.documents import Document, MovementTotals, OperationName, OperationTotals, ShiftReport
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.values import (
    OPERATION_NAMES,
    OPERATION_TYPES,
    PAYMENT_NAMES,
    PAYMENT_TYPES,
    TAX_TYPE_VAT,
    minor_of,
    money,
    percent,
    rate_of,
    section,
    wall_time,
)

_ZX = v203.ZXReport


def zx_report(document: Document) -> v203.ZXReport:
    """An X- or Z-report of ours. Raises ValueError for a document that carries no report."""
    report = document.report
    if report is None:
        raise ValueError(f"document {document.number} is no report of ours")
    totals = sorted(report.operations, key=lambda one: OPERATION_TYPES[one.operation])
    zx = _ZX(
        date_time=wall_time(document.issued_at),
        shift_number=document.shift,
        sections=_sections(report),
        operations=[_operation(one, one.item_count, one.item_minor) for one in totals],
        discounts=[_operation(one, one.discount_count, _discount(one)) for one in totals],
        markups=[_operation(one, one.markup_count, _markup(one)) for one in totals],
        total_result=[_operation(one, one.item_count, one.sum_minor) for one in totals],
        taxes=_taxes(report),
        start_shift_non_nullable_sums=[
            _non_nullable(one.operation, one.start_non_nullable_minor) for one in totals
        ],
        ticket_operations=[_tickets(one) for one in totals],
        money_placements=[
            _placement(v203.MONEY_PLACEMENT_DEPOSIT, report.cash_in),
            _placement(v203.MONEY_PLACEMENT_WITHDRAWAL, report.cash_out),
        ],
        cash_sum=money(report.cash_minor),
        revenue=_ZX.Revenue(sum=money(abs(report.revenue_minor)), is_negative=report.revenue_minor < 0),
        non_nullable_sums=[_non_nullable(one.operation, one.non_nullable_minor) for one in totals],
        open_shift_time=wall_time(report.opened_at),
        close_shift_time=wall_time(report.closed_at or document.issued_at),
        checksum=report.checksum or "",
    )
    zx.annulled_tickets.annulled_tickets_total_count = report.annulled_life_count
    zx.annulled_tickets.annulled_tickets_count = report.annulled_count
    return zx


def figures_of(document: Document) -> dict[str, int]:
    """The figures of a report of ours, as `figures` names them."""
    return figures(zx_report(document))


def figures(zx: v203.ZXReport) -> dict[str, int]:
    """A report as names with figures, those that are nought left out, so that two reports can be compared name by name.

    Sums are minor units. Only what an operator can know of a shift stands here: `modifiers` are markups less discounts with
    rounding among them, since a receipt states what is left of them; the tax of each rate but not its turnover; annulments not at
    all, since what the operator refused it never had. Raises ValueError when the report contradicts the conventions of the
    protocol.
    """
    return {name: value for name, value in _figures(zx) if value}


def differences(ours: dict[str, int], theirs: dict[str, int]) -> list[tuple[str, int, int]]:
    """(name, ours, theirs) of every figure in which two reports differ, by name; what one of them lacks is nought there."""
    return [
        (name, ours.get(name, 0), theirs.get(name, 0))
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name, 0) != theirs.get(name, 0)
    ]


# Our report in the operator's terms


def _result(totals: OperationTotals) -> int:
    """What modifiers and rounding together did to the positions."""
    return totals.sum_minor - totals.item_minor


def _discount(totals: OperationTotals) -> int:
    """Discounts, with the rounding that took something away: items − discounts + markups is then what was sold for."""
    return totals.discount_minor + max(0, totals.markup_minor - totals.discount_minor - _result(totals))


def _markup(totals: OperationTotals) -> int:
    return totals.markup_minor + max(0, _result(totals) - totals.markup_minor + totals.discount_minor)


def _operation(totals: OperationTotals, count: int, sum_minor: int) -> v203.ZXReport.Operation:
    return _ZX.Operation(operation=OPERATION_TYPES[totals.operation], count=count, sum=money(sum_minor))


def _sections(report: ShiftReport) -> list[v203.ZXReport.Section]:
    counts: Counter[tuple[str, int]] = Counter()
    sums: Counter[tuple[str, int]] = Counter()
    for one in report.sections:
        # No department and the first one are one code there.
        key = section(one.section), int(OPERATION_TYPES[one.operation])
        counts[key] += one.count
        sums[key] += one.sum_minor
    codes = sorted({code for code, _ in counts}, key=int)
    return [
        _ZX.Section(
            section_code=code,
            operations=[
                _ZX.Operation(
                    operation=operation, count=counts[code, operation], sum=money(sums[code, operation])
                )
                for operation in sorted(OPERATION_TYPES.values())
                if (code, operation) in counts
            ],
        )
        for code in codes
    ]


def _taxes(report: ShiftReport) -> list[v203.ZXReport.Tax]:
    rates = sorted({one.tax_rate for one in report.taxes})
    return [
        _ZX.Tax(
            tax_type=TAX_TYPE_VAT,
            percent=percent(rate),
            operations=[
                _ZX.Tax.TaxOperation(
                    operation=OPERATION_TYPES[one.operation],
                    turnover=money(one.turnover_minor),
                    sum=money(one.tax_minor),
                    turnover_without_tax=money(one.turnover_minor - one.tax_minor),
                )
                for one in sorted(report.taxes, key=lambda one: OPERATION_TYPES[one.operation])
                if one.tax_rate == rate
            ],
        )
        for rate in rates
    ]


def _non_nullable(operation: OperationName, sum_minor: int) -> v203.ZXReport.NonNullableSum:
    return _ZX.NonNullableSum(operation=OPERATION_TYPES[operation], sum=money(sum_minor))


def _tickets(totals: OperationTotals) -> v203.ZXReport.TicketOperation:
    return _ZX.TicketOperation(
        operation=OPERATION_TYPES[totals.operation],
        tickets_total_count=totals.life_count,
        tickets_count=totals.count,
        tickets_sum=money(totals.sum_minor),
        payments=[
            _ZX.TicketOperation.Payment(
                payment=number,
                sum=money(getattr(totals, f"{name}_minor")),
                count=getattr(totals, f"{name}_count"),
            )
            for name, number in PAYMENT_TYPES.items()
            if getattr(totals, f"{name}_count")
        ],
        offline_count=totals.offline_count,
        discount_sum=money(_discount(totals)),
        markup_sum=money(_markup(totals)),
        change_sum=money(totals.change_minor),
    )


def _placement(operation: v203.MoneyPlacementEnum, totals: MovementTotals) -> v203.ZXReport.MoneyPlacement:
    return _ZX.MoneyPlacement(
        operation=operation,
        operations_total_count=totals.life_count,
        operations_count=totals.count,
        operations_sum=money(totals.sum_minor),
        offline_count=totals.offline_count,
    )


# Figures of a report, whoever made it


def _figures(zx: v203.ZXReport) -> Iterator[tuple[str, int]]:
    yield "shift", zx.shift_number
    yield "cash", minor_of(zx.cash_sum)
    yield "revenue", minor_of(zx.revenue.sum) * (-1 if zx.revenue.is_negative else 1)
    for part in zx.sections:
        for one in part.operations:
            name = f"section.{part.section_code}.{OPERATION_NAMES[one.operation]}"
            yield f"{name}.count", one.count
            yield f"{name}.sum", minor_of(one.sum)
    for one in zx.operations:
        name = OPERATION_NAMES[one.operation]
        yield f"{name}.item_count", one.count
        yield f"{name}.item_sum", minor_of(one.sum)
    for one in zx.total_result:
        yield f"{OPERATION_NAMES[one.operation]}.result", minor_of(one.sum)
    for rate in zx.taxes:
        for taxed in rate.operations:
            yield f"tax.{rate_of(rate.percent)}.{OPERATION_NAMES[taxed.operation]}", minor_of(taxed.sum)
    for kept in zx.start_shift_non_nullable_sums:
        yield f"{OPERATION_NAMES[kept.operation]}.start_non_nullable", minor_of(kept.sum)
    for kept in zx.non_nullable_sums:
        yield f"{OPERATION_NAMES[kept.operation]}.non_nullable", minor_of(kept.sum)
    for tickets in zx.ticket_operations:
        yield from _ticket_figures(OPERATION_NAMES[tickets.operation], tickets)
    for placement in zx.money_placements:
        name = "cash_in" if placement.operation == v203.MONEY_PLACEMENT_DEPOSIT else "cash_out"
        yield f"{name}.life_count", placement.operations_total_count
        yield f"{name}.count", placement.operations_count
        yield f"{name}.sum", minor_of(placement.operations_sum)
        yield f"{name}.offline_count", placement.offline_count


def _ticket_figures(name: str, tickets: v203.ZXReport.TicketOperation) -> Iterator[tuple[str, int]]:
    yield f"{name}.life_count", tickets.tickets_total_count
    yield f"{name}.count", tickets.tickets_count
    yield f"{name}.sum", minor_of(tickets.tickets_sum)
    yield f"{name}.offline_count", tickets.offline_count
    yield f"{name}.modifiers", minor_of(tickets.markup_sum) - minor_of(tickets.discount_sum)
    yield f"{name}.change", minor_of(tickets.change_sum)
    for paid in tickets.payments:
        yield f"{name}.{PAYMENT_NAMES[paid.payment]}", minor_of(paid.sum)
        yield f"{name}.{PAYMENT_NAMES[paid.payment]}_count", paid.count
