"""The words on a fiscal tape, in four languages.

They are part of the document and not of the interface: a Kazakh receipt is printed in Kazakh and Russian together,
whatever language its reader has chosen.
"""

from types import MappingProxyType
from typing import Final, Literal, NamedTuple

TapeLanguage = Literal["ru", "kk", "be", "en", "kk-ru"]


class Caption(NamedTuple):
    """One caption in each language."""

    ru: str
    kk: str
    be: str
    en: str


CAPTIONS: Final = MappingProxyType(
    {
        # The head.
        "bin": Caption("БИН", "БСН", "БІН", "BIN"),
        "unp": Caption("УНП", "УНП", "УНП", "UNP"),
        "vat_certificate": Caption("НДС Серия", "ҚҚС Сериясы", "ПДВ Серыя", "VAT Series"),
        "factory_number_by": Caption("Зав. №", "Зауыт. №", "Зав. №", "Factory No."),
        "registration_number_by": Caption("Рег. № в СККО", "СККО тірк. №", "Рэг. № у СККА", "SKKO reg. No."),
        "shift": Caption("Смена", "Ауысым", "Змена", "Shift"),
        "receipt": Caption("Чек", "Чек", "Чэк", "Receipt"),
        "document": Caption("Документ", "Құжат", "Дакумент", "Document"),
        "cashier": Caption("Кассир", "Кассир", "Касір", "Cashier"),
        "time": Caption("Время", "Уақыты", "Час", "Time"),
        "basis": Caption("Основание: документ", "Негіз: құжат", "Падстава: дакумент", "Basis: document"),
        # What the document is.
        "shift_opened": Caption("СМЕНА ОТКРЫТА", "АУЫСЫМ АШЫЛДЫ", "ЗМЕНА АДКРЫТА", "SHIFT OPENED"),
        "sale": Caption("ПРОДАЖА", "САТУ", "ПРОДАЖ", "SALE"),
        "sale_refund": Caption("ВОЗВРАТ ПРОДАЖИ", "САТУДЫ ҚАЙТАРУ", "ВЯРТАННЕ ПРОДАЖУ", "SALE REFUND"),
        "purchase": Caption("ПОКУПКА", "САТЫП АЛУ", "ПАКУПКА", "PURCHASE"),
        "purchase_refund": Caption(
            "ВОЗВРАТ ПОКУПКИ", "САТЫП АЛУДЫ ҚАЙТАРУ", "ВЯРТАННЕ ПАКУПКІ", "PURCHASE REFUND"
        ),
        "annulment": Caption("АННУЛИРОВАНИЕ", "КҮШІН ЖОЮ", "АНУЛЯВАННЕ", "ANNULMENT"),
        "cash_in": Caption("ВНЕСЕНИЕ ДЕНЕГ", "АҚША САЛУ", "УНЯСЕННЕ ГРОШАЙ", "CASH IN"),
        "cash_out": Caption("ИЗЪЯТИЕ ДЕНЕГ", "АҚША АЛУ", "ВЫМАННЕ ГРОШАЙ", "CASH OUT"),
        "x_report": Caption("X-ОТЧЕТ", "X-ЕСЕП", "X-СПРАВАЗДАЧА", "X-REPORT"),
        "z_report": Caption("СМЕННЫЙ Z-ОТЧЕТ", "АУЫСЫМДЫҚ Z-ЕСЕП", "ЗМЕННАЯ Z-СПРАВАЗДАЧА", "Z-REPORT"),
        "autonomous": Caption("АВТОНОМНЫЙ", "АВТОНОМДЫ", "АЎТАНОМНЫ", "AUTONOMOUS"),
        "duplicate": Caption("ДУБЛИКАТ", "ТЕЛНҰСҚА", "ДУБЛІКАТ", "DUPLICATE"),
        # Lines and sums.
        "cost": Caption("Стоимость", "Құны", "Кошт", "Cost"),
        "discount": Caption("Скидка", "Жеңілдік", "Зніжка", "Discount"),
        "markup": Caption("Наценка", "Үстеме", "Нацэнка", "Markup"),
        "vat": Caption("НДС", "ҚҚС", "ПДВ", "VAT"),
        "vat_inside": Caption("в т.ч. НДС", "соның ішінде ҚҚС", "у т.л. ПДВ", "incl. VAT"),
        "cash": Caption("Наличные", "Қолма-қол", "Наяўныя", "Cash"),
        "card": Caption("Банковская карта", "Банк картасы", "Банкаўская картка", "Card"),
        "mobile": Caption("Мобильный платеж", "Мобильді төлем", "Мабільны плацеж", "Mobile payment"),
        "other": Caption("Прочая оплата", "Басқа төлем", "Іншая аплата", "Other payment"),
        "change": Caption("Сдача", "Қайтарым", "Рэшта", "Change"),
        "total_kz": Caption("ИТОГО", "БАРЛЫҒЫ", "УСЯГО", "TOTAL"),
        "total_by": Caption("ИТОГО К ОПЛАТЕ", "ТӨЛЕМГЕ БАРЛЫҒЫ", "УСЯГО ДА АПЛАТЫ", "TOTAL TO PAY"),
        "sum": Caption("Сумма", "Сома", "Сума", "Sum"),
        # The totals of a shift.
        "sales": Caption("Продажи", "Сатулар", "Продажы", "Sales"),
        "refunds": Caption("Возвраты продаж", "Сатуды қайтару", "Вяртанні продажаў", "Sale refunds"),
        "purchases": Caption("Покупки", "Сатып алулар", "Пакупкі", "Purchases"),
        "purchase_refunds": Caption(
            "Возвраты покупок", "Сатып алуды қайтару", "Вяртанні пакупак", "Purchase refunds"
        ),
        "annulments": Caption("Аннулирования", "Күшін жою", "Ануляванні", "Annulments"),
        "cash_ins": Caption("Внесено", "Салынды", "Унесена", "Cash in"),
        "cash_outs": Caption("Изъято", "Алынды", "Вынята", "Cash out"),
        "in_drawer": Caption("Наличных в кассе", "Кассадағы ақша", "Наяўных у касе", "Cash in drawer"),
        "revenue": Caption("Выручка", "Түсім", "Выручка", "Revenue"),
        # The foot.
        "fiscal_sign": Caption("ФП", "ФБ", "ФП", "FS"),
        "ui": Caption("УИ", "УИ", "УІ", "UI"),
        "ofd": Caption("ОФД", "ФДО", "АФД", "OFD"),
        "check_site": Caption(
            "Для проверки чека зайдите на сайт",
            "Чекті тексеру үшін сайтқа кіріңіз",
            "Для праверкі чэка зайдзіце на сайт",
            "To check the receipt visit",
        ),
        "fiscal_receipt": Caption("ФИСКАЛЬНЫЙ ЧЕК", "ФИСКАЛДЫ ЧЕК", "ФІСКАЛЬНЫ ЧЭК", "FISCAL RECEIPT"),
        "ink": Caption("ИНК", "КСН", "ІНК", "OFD ID"),
        "rnm": Caption("Код ККМ КГД (РНМ)", "МКК БКМ коды (КТН)", "Код ККМ (РНМ)", "Tax No. (RNM)"),
        "znm": Caption("ЗНМ", "КЗН", "ЗНМ", "Factory No."),
    }
)


def caption(name: str, language: TapeLanguage) -> str:
    """A caption in a language; in Kazakh and Russian together with a stroke between."""
    words = CAPTIONS[name]
    if language == "kk-ru":
        return f"{words.kk}/{words.ru}"
    return str(getattr(words, language))


def tape_language(country: str, reader: str) -> TapeLanguage:
    """The language of a tape for a reader: the receipts of Kazakhstan are bilingual for all who read either."""
    if country == "kz":
        return "en" if reader == "en" else "kk-ru"
    return "be" if reader == "be" else "en" if reader == "en" else "ru"
