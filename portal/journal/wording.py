"""What a document is called in a list: its sentence, and whether it has a sum."""

from flask_babel import LazyString, gettext
from flask_babel import lazy_gettext as _

from portal.fiscal.documents import RECEIPTS, Kind
from portal.journal.delivery import Status

CASH, CARD, MOBILE, OTHER = 1, 2, 4, 8
MIXED = -1

# Whole phrases, because languages differ in how the parts join.
PHRASES: dict[tuple[Kind, int], LazyString] = {
    (Kind.SALE, CASH): _("Продажа наличными"),
    (Kind.SALE, CARD): _("Продажа безналом"),
    (Kind.SALE, MOBILE): _("Продажа мобильным платежом"),
    (Kind.SALE, OTHER): _("Продажа другими способами"),
    (Kind.SALE, MIXED): _("Продажа смешанной оплатой"),
    (Kind.SALE, 0): _("Продажа"),
    (Kind.SALE_REFUND, CASH): _("Возврат наличными"),
    (Kind.SALE_REFUND, CARD): _("Возврат безналом"),
    (Kind.SALE_REFUND, MOBILE): _("Возврат мобильным платежом"),
    (Kind.SALE_REFUND, OTHER): _("Возврат другими способами"),
    (Kind.SALE_REFUND, MIXED): _("Возврат смешанной оплатой"),
    (Kind.SALE_REFUND, 0): _("Возврат"),
    (Kind.PURCHASE, CASH): _("Покупка наличными"),
    (Kind.PURCHASE, CARD): _("Покупка безналом"),
    (Kind.PURCHASE, MOBILE): _("Покупка мобильным платежом"),
    (Kind.PURCHASE, OTHER): _("Покупка другими способами"),
    (Kind.PURCHASE, MIXED): _("Покупка смешанной оплатой"),
    (Kind.PURCHASE, 0): _("Покупка"),
    (Kind.PURCHASE_REFUND, CASH): _("Возврат покупки наличными"),
    (Kind.PURCHASE_REFUND, CARD): _("Возврат покупки безналом"),
    (Kind.PURCHASE_REFUND, MOBILE): _("Возврат покупки мобильным платежом"),
    (Kind.PURCHASE_REFUND, OTHER): _("Возврат покупки другими способами"),
    (Kind.PURCHASE_REFUND, MIXED): _("Возврат покупки смешанной оплатой"),
    (Kind.PURCHASE_REFUND, 0): _("Возврат покупки"),
    (Kind.ANNULMENT, CASH): _("Аннулирование наличными"),
    (Kind.ANNULMENT, CARD): _("Аннулирование безналом"),
    (Kind.ANNULMENT, MOBILE): _("Аннулирование мобильного платежа"),
    (Kind.ANNULMENT, OTHER): _("Аннулирование другими способами"),
    (Kind.ANNULMENT, MIXED): _("Аннулирование смешанной оплаты"),
    (Kind.ANNULMENT, 0): _("Аннулирование"),
    (Kind.CASH_IN, 0): _("Внесение"),
    (Kind.CASH_OUT, 0): _("Изъятие"),
}

STATUSES: dict[Status, LazyString] = {
    Status.SENT: _("Отправлен"),
    Status.WAITING: _("Не отправлен"),
    Status.AUTONOMOUS: _("Автономный — не отправлен"),
    Status.REFUSED: _("Отклонён оператором"),
    Status.VOID: _("Аннулирован порталом"),
    Status.KEPT: _("Не передаётся оператору"),
}

_SINGLE = frozenset({0, CASH, CARD, MOBILE, OTHER})


def describe(kind: Kind, payment: int, total: str) -> str:
    """A document in a sentence: «Фискализирован чек "Продажа наличными" на сумму 59,78 BYN»."""
    if kind in RECEIPTS:
        name = PHRASES[kind, payment if payment in _SINGLE else MIXED]
        return str(gettext("Фискализирован чек «%(name)s» на сумму %(total)s", name=name, total=total))
    match kind:
        case Kind.CASH_IN | Kind.CASH_OUT:
            words = gettext(
                "Выполнена операция «%(name)s» на сумму %(total)s", name=PHRASES[kind, 0], total=total
            )
            return str(words)
        case Kind.SHIFT_OPENED:
            return str(gettext("Смена открыта"))
        case Kind.X_REPORT:
            return str(gettext("Распечатан «X-отчёт»"))
        case _:
            return str(gettext("Смена закрыта. Распечатан «Z-отчёт»"))


def has_total(kind: Kind) -> bool:
    """Whether a document of this kind has a sum of its own to show."""
    return kind in RECEIPTS or kind in (Kind.CASH_IN, Kind.CASH_OUT)
