"""The operator's own counters against sums made by hand, and what its reports say."""

from datetime import timedelta

from portal.fiscal.documents import OPERATIONS
from portal.ofd.simulator.account import Opening
from portal.ofd.simulator.testing import TestOperator
from portal.ofd.wire import v203_pb2 as pb
from portal.ofd.wire.figures import figures
from tests.ofd.caller import BEGINNING, BIN, DEVICE, RNM, ZNM, Caller, commodity, minor, wall


def _work(caller: Caller) -> None:
    """Half a day: 500.00 in cash, 650.00 by card and cash, 250.00 given back, 100.00 bought, cash in and out."""
    caller.issue(caller.cash(20_000))
    caller.issue(caller.ticket(taken=60_000))
    caller.issue(
        caller.ticket(
            items=[commodity(), commodity("Хлеб", 15_000, 1_000, section="2", percent=5_000)], card=50_000
        )
    )
    caller.issue(caller.ticket(pb.OPERATION_SELL_RETURN, [commodity(quantity=1_000)]))
    caller.issue(caller.ticket(pb.OPERATION_BUY, [commodity("Макулатура", 10_000, 1_000, percent=None)]))
    caller.issue(caller.cash(5_000, is_out=True))


def test_counters_are_the_sums_of_what_was_received(caller: Caller) -> None:
    _work(caller)
    report = caller.operator.counters(DEVICE)
    by_name = {one.operation: one for one in report.operations}
    sale, refund, purchase = by_name["sale"], by_name["sale_refund"], by_name["purchase"]
    assert tuple(by_name) == OPERATIONS
    assert (sale.count, sale.sum_minor, sale.item_count, sale.item_minor) == (2, 115_000, 3, 115_000)
    assert (sale.cash_count, sale.cash_minor, sale.card_count, sale.card_minor) == (2, 65_000, 1, 50_000)
    assert (sale.taken_minor, sale.change_minor) == (125_000, 10_000)
    # 16/116 of 500.00 twice, 5/105 of 150.00.
    assert sale.tax_minor == 2 * 6_897 + 714
    assert (refund.count, refund.sum_minor, refund.tax_minor) == (1, 25_000, 3_448)
    assert (purchase.count, purchase.sum_minor, purchase.tax_minor) == (1, 10_000, 0)
    assert report.revenue_minor == 115_000 - 25_000 - 10_000
    assert report.receipt_count == 4
    assert report.cash_minor == 20_000 + 65_000 - 25_000 - 10_000 - 5_000
    assert (report.cash_in.count, report.cash_in.sum_minor) == (1, 20_000)
    assert (report.cash_out.count, report.cash_out.sum_minor) == (1, 5_000)
    assert [(one.section, one.operation, one.count, one.sum_minor) for one in report.sections] == [
        (1, "sale", 2, 100_000),
        (1, "sale_refund", 1, 25_000),
        (1, "purchase", 1, 10_000),
        (2, "sale", 1, 15_000),
    ]
    assert [(one.tax_rate, one.operation, one.turnover_minor, one.tax_minor) for one in report.taxes] == [
        (500, "sale", 15_000, 714),
        (1600, "sale", 100_000, 13_794),
        (1600, "sale_refund", 25_000, 3_448),
    ]


def test_x_and_z_are_answered_from_the_operators_own_counters(caller: Caller) -> None:
    """What the register says about itself is nonsense in these requests; none of it comes back."""
    _work(caller)
    own = caller.operator.figures(DEVICE)
    x = caller.issue(caller.x_report()).response.report
    assert (x.report, figures(x.zx_report)) == (pb.REPORT_X, own)
    assert own["sale.sum"] == 115_000
    info = caller.issue(caller.ask(pb.COMMAND_INFO)).response.report
    assert figures(info.zx_report) == own
    z = caller.issue(caller.z_report()).response.report
    assert (z.report, figures(z.zx_report)) == (pb.REPORT_Z, own)
    assert caller.operator.z_figures(DEVICE) == {1: own}


def test_a_report_has_every_field_of_the_protocol(caller: Caller) -> None:
    _work(caller)
    opened_at = wall(caller.at.replace(minute=30, second=10))
    z = caller.issue(caller.z_report()).response.report.zx_report
    named = {field.name for field, _ in z.ListFields()}
    assert named == {field.name for field in z.DESCRIPTOR.fields}
    assert z.open_shift_time == opened_at
    assert z.close_shift_time == wall(caller.at)
    assert {one.operation: (one.count, minor(one.sum)) for one in z.total_result}[pb.OPERATION_SELL] == (
        3,
        115_000,
    )
    rates = {one.percent: one.operations for one in z.taxes}
    (reduced,) = rates[5_000]
    assert (minor(reduced.turnover), minor(reduced.sum), minor(reduced.turnover_without_tax)) == (
        15_000,
        714,
        14_286,
    )


def test_what_is_never_reset_goes_on_into_the_next_shift(caller: Caller) -> None:
    _work(caller)
    caller.issue(caller.z_report())
    caller.shift += 1
    caller.issue(caller.ticket())
    sale = caller.operator.counters(DEVICE).operations[0]
    assert (sale.count, sale.sum_minor) == (1, 50_000)
    assert (sale.life_count, sale.start_non_nullable_minor, sale.non_nullable_minor) == (3, 115_000, 165_000)
    report = caller.operator.counters(DEVICE)
    assert (report.cash_in.count, report.cash_in.life_count, report.cash_out.life_count) == (0, 1, 1)
    # Cash is carried over.
    assert report.cash_minor == 45_000 + 50_000


def test_a_register_with_a_past_goes_on_from_it(simulator: TestOperator) -> None:
    caller = Caller(simulator, number=3_211, shift=89).put_on_record(
        opening=Opening(
            non_nullable_minor={"sale": 1_450_000, "sale_refund": 20_000},
            life_count={"sale": 87},
            cash_in_life_count=12,
            cash_minor=40_000,
            number=3_211,
            shift=88,
        )
    )
    caller.issue(caller.ticket(pb.OPERATION_SELL_RETURN, [commodity(price=20_000)]))
    caller.issue(caller.ticket())
    z = figures(caller.issue(caller.z_report()).response.report.zx_report)
    assert (z["shift"], z["sale.start_non_nullable"], z["sale.non_nullable"]) == (89, 1_450_000, 1_500_000)
    assert (z["sale.life_count"], z["sale_refund.non_nullable"]) == (88, 60_000)
    assert (z["cash_in.life_count"], z["cash"]) == (12, 50_000)


def test_numbers_and_shifts_of_a_past_are_kept_in_order(simulator: TestOperator) -> None:
    caller = Caller(simulator, shift=88).put_on_record(opening=Opening(number=3_211, shift=88))
    assert caller.send(caller.ticket()).code == 13
    caller.number = 3_211
    assert "смена 88 уже закрыта" in caller.send(caller.ticket()).text
    caller.shift = 89
    caller.issue(caller.ticket())


def test_the_last_moment_of_a_past_is_no_finer_than_the_wire(simulator: TestOperator) -> None:
    last = BEGINNING.replace(second=10, microsecond=900_000)
    caller = Caller(simulator).put_on_record(opening=Opening(last_issued_at=last))
    caller.at = last.replace(microsecond=950_000) - timedelta(seconds=10)
    caller.issue(caller.ticket())
    other = Caller(simulator, device=2).put_on_record(opening=Opening(last_issued_at=last))
    other.at = last - timedelta(seconds=11)
    assert "раньше предыдущего" in other.send(other.ticket()).text


def test_autonomous_documents_are_counted_as_such(caller: Caller) -> None:
    caller.issue(caller.ticket())
    caller.issue(caller.ticket(offline=1_234_567))
    caller.issue(caller.cash(100, is_offline=True))
    figures_ = caller.operator.figures(DEVICE)
    assert (figures_["sale.count"], figures_["sale.offline_count"]) == (2, 1)
    assert (figures_["cash_in.count"], figures_["cash_in.offline_count"]) == (1, 1)
    assert caller.operator.documents(DEVICE)[1].offline_sign == "1234567"


def test_a_receipt_whose_answer_was_lost_is_known_as_autonomous_from_then_on(caller: Caller) -> None:
    """It was taken once and is taken once; the register prints its autonomous sign, so the operator learns it."""
    request = caller.ticket()
    first = caller.send(request, request_number=1)
    request.ticket.offline_ticket_number = 777
    for _ in range(2):
        again = caller.send(request, request_number=1, token=90127062)
        assert again == first
    own = caller.operator.figures(DEVICE)
    assert (own["sale.count"], own["sale.offline_count"]) == (1, 1)
    (row,) = caller.operator.documents(DEVICE)
    assert (row.sign, row.offline_sign, row.is_offline) == (first.response.ticket.ticket_number, "777", True)
    caller.operator.restart()  # type: ignore[attr-defined]  # the fixture's operator can
    assert caller.operator.figures(DEVICE) == own


def test_cash_whose_answer_was_lost_is_counted_as_autonomous_from_then_on(caller: Caller) -> None:
    request = caller.cash(500)
    caller.send(request, request_number=1)
    request.money_placement.is_offline = True
    caller.send(request, request_number=1)
    own = caller.operator.figures(DEVICE)
    assert (own["cash_in.count"], own["cash_in.offline_count"], own["cash"]) == (1, 1, 500)


def test_a_shift_of_which_nothing_arrived_is_closed_all_the_same(caller: Caller) -> None:
    """Everything of it may have been refused and taken back by the register."""
    caller.issue(caller.ticket())
    caller.issue(caller.z_report())
    caller.shift += 1
    x = figures(caller.issue(caller.x_report()).response.report.zx_report)
    z = figures(caller.issue(caller.z_report()).response.report.zx_report)
    assert (
        x
        == z
        == {
            "shift": 2,
            "cash": 50_000,
            "sale.start_non_nullable": 50_000,
            "sale.non_nullable": 50_000,
            "sale.life_count": 1,
        }
    )


def test_money_may_be_withdrawn_with_the_closing(caller: Caller) -> None:
    caller.issue(caller.ticket())
    request = caller.z_report()
    request.close_shift.withdraw_money = True
    z = figures(caller.issue(request).response.report.zx_report)
    assert (z["cash_out.count"], z["cash_out.sum"]) == (1, 50_000)
    assert "cash" not in z


def test_registers_do_not_touch_one_another(caller: Caller) -> None:
    other = Caller(caller.operator, device=DEVICE + 1).put_on_record()
    caller.issue(caller.ticket())
    other.issue(other.cash(5))
    assert caller.operator.figures(DEVICE)["sale.count"] == 1
    assert "sale.count" not in caller.operator.figures(DEVICE + 1)


# What the operator says besides


def test_gives_a_sign_and_the_address_that_shows_the_receipt(caller: Caller) -> None:
    answer = caller.issue(caller.ticket()).response.ticket
    assert answer.ticket_number.isdigit()
    assert len(answer.ticket_number) == 10
    assert answer.qr_code.decode() == (
        f"https://consumer.oofd.kz/?i={answer.ticket_number}&f={RNM}&s=500.00&t=20260115T143010"
    )
    other = caller.issue(caller.ticket()).response.ticket
    assert other.ticket_number != answer.ticket_number


def test_every_operator_has_an_address_of_its_own(simulator: TestOperator) -> None:
    begins = {
        "transtelecom": "https://ofd1.kz/t/?i=",
        "jusan": "https://consumer.kofd.kz?i=",
        "smartcontract": "https://consumer.wofd.kz?i=",
    }
    for device, (name, beginning) in enumerate(begins.items(), 1):
        caller = Caller(simulator, device=device).put_on_record(operator=name)
        assert caller.issue(caller.ticket()).response.ticket.qr_code.decode().startswith(beginning)


def test_tells_who_the_register_is_and_what_came_last(simulator: TestOperator) -> None:
    caller = Caller(simulator).put_on_record(title="ТОО «Ромашка»", address="Алматы, Абая 1")
    service = caller.issue(caller.ask(pb.COMMAND_SYSTEM)).response.service
    assert not service.HasField("last_document_info")
    info = service.reg_info
    assert (info.kkm.fns_kkm_id, info.kkm.serial_number, info.kkm.kkm_id) == (RNM, ZNM, str(DEVICE))
    assert (info.org.title, info.org.inn, info.org.address) == ("ТОО «Ромашка»", BIN, "Алматы, Абая 1")
    caller.number = 41
    caller.issue(caller.ticket())
    last = caller.issue(caller.ask(pb.COMMAND_SYSTEM)).response.service.last_document_info
    assert (last.fr_shift_number, last.printed_document_number) == (1, 42)


def test_tells_nothing_that_was_not_asked(caller: Caller) -> None:
    heard = caller.issue(pb.Request(command=pb.COMMAND_SYSTEM))
    assert not heard.response.HasField("service")


def test_looks_goods_up_by_their_barcode(caller: Caller) -> None:
    request = caller.ask(pb.COMMAND_NOMENCLATURE)
    request.nomenclature.barcode = "4870001000031"
    answer = caller.issue(request).response.nomenclature
    (element,) = answer.elements
    assert (element.item.ntin, element.item.is_markedeac) == ("0200200605214", True)
    request.nomenclature.barcode = "1"
    assert caller.send(request).code == 18


def test_gives_the_catalogue_unless_it_is_known(caller: Caller) -> None:
    request = caller.ask(pb.COMMAND_NOMENCLATURE)
    answer = caller.issue(request).response.nomenclature
    assert len(answer.elements) > 1
    request.nomenclature.current_version = answer.version
    known = caller.issue(request).response.nomenclature
    assert (known.result, len(known.elements)) == (pb.NomenclatureResponse.RESULT_TYPE_VERSION_IS_ACTUAL, 0)


def test_lets_a_cashier_in_with_the_right_password(caller: Caller) -> None:
    caller.operator.allow(DEVICE, "anna", "right", code=7, name="Анна", roles=(1, 3))
    request = caller.ask(pb.COMMAND_AUTH)
    request.auth.login, request.auth.password = "anna", "right"
    answer = caller.issue(request).response.auth
    assert (answer.operator_code, answer.operator_name, list(answer.roles)) == (7, "Анна", [1, 3])
    for login, password in (("anna", "wrong"), ("boris", "right"), ("", "")):
        request.auth.login, request.auth.password = login, password
        assert caller.send(request).code == 12
