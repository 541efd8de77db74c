"""Why a register must refuse a command. Each reason is a class; its facts fill the sentence said to the reader.

Facts named `…_minor` are sums, `…_at` moments, `…_milli` quantities; `line` counts the entries of the basket from
one, those struck out included.
"""

from portal.primitives.refusals import Refusal


class ShiftNotOpen(Refusal):
    """There is no open shift to do this in. Facts: none."""

    code = "fiscal.shift_not_open"
    status = 409


class ShiftAlreadyOpen(Refusal):
    """A shift is open already. Facts: `shift`, `opened_at`."""

    code = "fiscal.shift_already_open"
    status = 409


class ShiftOpensByItself(Refusal):
    """In this country the first document opens the shift, no command does. Facts: none."""

    code = "fiscal.shift_opens_by_itself"
    status = 409


class ShiftTooLong(Refusal):
    """The shift lasts longer than a shift may: it can only be closed. Facts: `shift`, `opened_at`, `closes_at`.

    `opened_at` is when the shift's hours began to count, `closes_at` when they ran out.
    """

    code = "fiscal.shift_too_long"
    status = 409


class AutonomousTooLong(Refusal):
    """The operator has not answered for longer than a register may work without it. Facts: `autonomous_since_at`, `blocked_at`."""

    code = "fiscal.autonomous_too_long"
    status = 409


class AlreadyAutonomous(Refusal):
    """The register works without its operator already. Facts: `autonomous_since_at`."""

    code = "fiscal.already_autonomous"
    status = 409


class NotAutonomous(Refusal):
    """The register does not work without its operator, or never does in this country. Facts: none."""

    code = "fiscal.not_autonomous"
    status = 409


class ClockBack(Refusal):
    """The moment is before the register's last document. Facts: `issued_at`, `previous_at`."""

    code = "fiscal.clock_back"
    status = 409


class ClockAhead(Refusal):
    """The moment has not come yet, or no calendar reaches it. Facts: `issued_at`."""

    code = "fiscal.clock_ahead"
    status = 409


class CashierMissing(Refusal):
    """No cashier is named, or not by a name and code that a document can hold. Facts: none."""

    code = "fiscal.cashier_missing"


class EmptyBasket(Refusal):
    """Nothing is sold, or everything was struck out. Facts: none."""

    code = "fiscal.empty_basket"


class TooManyLines(Refusal):
    """The basket has more entries than a document holds. Facts: `lines`, `lines_max`."""

    code = "fiscal.too_many_lines"


class LineInvalid(Refusal):
    """An entry of the basket cannot be written down. Facts: `line`, `field` (the entry's field by its name)."""

    code = "fiscal.line_invalid"


class MarkingsCount(Refusal):
    """Marking codes must be as many as the pieces, each its own. Facts: `line`, `quantity_milli`, `markings`."""

    code = "fiscal.markings_count"


class TaxRateUnknown(Refusal):
    """The rate does not hold on the day, or the seller pays no such tax. Facts: `line` (0: the receipt's modifier), `rate`."""

    code = "fiscal.tax_rate_unknown"


class DiscountTooLarge(Refusal):
    """A discount is more than what it is taken from. Facts: `line` (0: the receipt), `discount_minor`, `from_minor`."""

    code = "fiscal.discount_too_large"


class BothModifiers(Refusal):
    """A discount and a markup at once, where only one of them is allowed. Facts: `line` (0: the receipt)."""

    code = "fiscal.both_modifiers"


class ModifierNotAllowed(Refusal):
    """The register gives no discounts or markups here, or not that many. Facts: `line` (0: the receipt)."""

    code = "fiscal.modifier_not_allowed"


class ModifierUnit(Refusal):
    """A discount or a markup is not stated as the register is set. Facts: `line` (0: the receipt), `unit` ("percent" or "sum")."""

    code = "fiscal.modifier_unit"


class PurchaseNotAllowed(Refusal):
    """The register is not set to buy. Facts: none."""

    code = "fiscal.purchase_not_allowed"


class ExchangeNotAllowed(Refusal):
    """Currency changes hands only at exchange offices. Facts: `line`."""

    code = "fiscal.exchange_not_allowed"


class BuyerInvalid(Refusal):
    """The buyer's taxpayer number is none. Facts: `buyer`."""

    code = "fiscal.buyer_invalid"


class BuyerIsSeller(Refusal):
    """The buyer and the seller are one taxpayer. Facts: `buyer`."""

    code = "fiscal.buyer_is_seller"


class SumMax(Refusal):
    """The receipt is larger than the register is set to issue. Facts: `total_minor`, `sum_max_minor`."""

    code = "fiscal.sum_max"


class SumTooLarge(Refusal):
    """A sum, of the document or of the shift with it, is larger than any document can state. Facts: `sum_minor`, `sum_max_minor`."""

    code = "fiscal.sum_too_large"


class NotEnoughMoney(Refusal):
    """The payments are less than the total. Facts: `total_minor`, `paid_minor`."""

    code = "fiscal.not_enough_money"


class CashlessOverflow(Refusal):
    """What is paid without cash is more than the total. Facts: `total_minor`, `cashless_minor`."""

    code = "fiscal.cashless_overflow"


class CashOverflow(Refusal):
    """Cash is handed over though the total is paid without it. Facts: `total_minor`, `cash_minor`."""

    code = "fiscal.cash_overflow"


class NegativeChange(Refusal):
    """More is given back than the refund is. Facts: `total_minor`, `paid_minor`."""

    code = "fiscal.negative_change"


class ChangeWithoutCash(Refusal):
    """The change would be more than the cash handed over. Facts: `change_minor`, `cash_minor`."""

    code = "fiscal.change_without_cash"


class CashNotWhole(Refusal):
    """No coins make this sum. Facts: `cash_minor`, `step_minor` (the smallest sum in cash)."""

    code = "fiscal.cash_not_whole"


class NotEnoughCash(Refusal):
    """The drawer holds less than what should leave it. Facts: `cash_minor` (in the drawer), `wanted_minor`."""

    code = "fiscal.not_enough_cash"
    status = 409


class BasisMissing(Refusal):
    """A refund must name the receipt it takes back, with its fiscal sign and its register. Facts: none."""

    code = "fiscal.basis_missing"


class OriginalNotFound(Refusal):
    """There is no such receipt of this register. Facts: `number`."""

    code = "fiscal.original_not_found"
    status = 404


class NotRefundable(Refusal):
    """The document is no sale and no purchase, or what was taken back of it before cannot be told. Facts: `number`, `kind`."""

    code = "fiscal.not_refundable"
    status = 409


class NothingLeft(Refusal):
    """All of the receipt was taken back before. Facts: `number`."""

    code = "fiscal.nothing_left"
    status = 409


class MoreThanLeft(Refusal):
    """More of a line is wanted back than is left of it. Facts: `number`, `line`, `left_milli`, `wanted_milli`."""

    code = "fiscal.more_than_left"
    status = 409


class AnnulmentNotAllowed(Refusal):
    """Only a receipt of the open shift that nothing was taken back of is annulled, and only where the law has annulments. Facts: `number`, `kind`."""

    code = "fiscal.annulment_not_allowed"
    status = 409


class AlreadyAnnulled(Refusal):
    """The receipt was annulled before. Facts: `number`."""

    code = "fiscal.already_annulled"
    status = 409
