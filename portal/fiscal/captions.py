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
        "basis_receipt": Caption("Основание: чек", "Негіз: чек", "Падстава: чэк", "Basis: receipt"),
        "rnm_short": Caption("РНМ", "КТН", "РНМ", "RNM"),
        "cashier_code": Caption("Код кассира", "Кассир коды", "Код касіра", "Cashier code"),
        "opened": Caption("Начало смены", "Ауысым басталды", "Пачатак змены", "Shift opened"),
        "closed": Caption("Конец смены", "Ауысым аяқталды", "Канец змены", "Shift closed"),
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
        "rounding": Caption("Округление", "Дөңгелектеу", "Акругленне", "Rounding"),
        "excise": Caption("Акцизная марка", "Акциздік таңба", "Акцызная марка", "Excise stamp"),
        "vat": Caption("НДС", "ҚҚС", "ПДВ", "VAT"),
        "vat_inside": Caption("в т.ч. НДС", "соның ішінде ҚҚС", "у т.л. ПДВ", "incl. VAT"),
        "cash": Caption("Наличные", "Қолма-қол", "Наяўныя", "Cash"),
        "card": Caption("Банковская карта", "Банк картасы", "Банкаўская картка", "Card"),
        "mobile": Caption("Мобильный платеж", "Мобильді төлем", "Мабільны плацеж", "Mobile payment"),
        "other": Caption("Прочая оплата", "Басқа төлем", "Іншая аплата", "Other payment"),
        "change": Caption("Сдача", "Қайтарым", "Рэшта", "Change"),
        "change_kz": Caption("Сумма сдачи", "Қайтарым", "Сума рэшты", "Change"),
        "given": Caption("Выданная сумма", "Берілген сома", "Выдадзеная сума", "Given"),
        "taken": Caption("Полученная сумма", "Алынған сома", "Атрыманая сума", "Received"),
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
        # A report in full.
        "documents_in_shift": Caption(
            "Документов за смену", "Ауысым құжаттары", "Дакументаў за змену", "Documents"
        ),
        "receipts_in_shift": Caption("Чеков за смену", "Ауысым чектері", "Чэкаў за змену", "Receipts"),
        "sale_receipts": Caption("Чеки продажи", "Сату чектері", "Чэкі продажу", "Sale receipts"),
        "refund_receipts": Caption("Чеки возврата", "Қайтару чектері", "Чэкі вяртання", "Refund receipts"),
        "received": Caption("Получено оплаты", "Алынған төлем", "Атрымана аплаты", "Payments received"),
        "received_cash": Caption("наличными", "қолма-қол", "наяўнымі", "in cash"),
        "received_card": Caption("картами", "картамен", "карткамі", "by card"),
        "received_mobile": Caption("мобильными", "мобильді", "мабільнымі", "by mobile"),
        "received_other": Caption("прочее", "басқа", "іншае", "otherwise"),
        "discounts": Caption("Скидки", "Жеңілдіктер", "Зніжкі", "Discounts"),
        "markups": Caption("Наценки", "Үстемелер", "Нацэнкі", "Markups"),
        "vat_sales": Caption("НДС в продажах", "Сатудағы ҚҚС", "ПДВ у продажах", "VAT in sales"),
        "life_count": Caption(
            "Чеков за все время", "Барлық уақыттағы чектер", "Чэкаў за ўвесь час", "Receipts ever"
        ),
        "life_count_all": Caption("За все время", "Барлық уақытта", "За ўвесь час", "Ever"),
        "offline_count": Caption(
            "Автономных чеков", "Автономды чектер", "Аўтаномных чэкаў", "Autonomous receipts"
        ),
        "offline_count_all": Caption("Автономных", "Автономды", "Аўтаномных", "Autonomous"),
        "items": Caption("Позиции", "Позициялар", "Пазіцыі", "Positions"),
        "receipts": Caption("Чеки", "Чектер", "Чэкі", "Receipts"),
        "by_sections": Caption("ПО СЕКЦИЯМ", "СЕКЦИЯЛАР БОЙЫНША", "ПА СЕКЦЫЯХ", "BY SECTION"),
        "section": Caption("Секция", "Секция", "Секцыя", "Section"),
        "by_rates": Caption("НДС ПО СТАВКАМ", "МӨЛШЕРЛЕМЕЛЕР БОЙЫНША ҚҚС", "ПДВ ПА СТАЎКАХ", "VAT BY RATE"),
        "turnover": Caption("Оборот с НДС", "ҚҚС-мен айналым", "Абарот з ПДВ", "Turnover with VAT"),
        "turnover_without_tax": Caption(
            "Оборот без НДС", "ҚҚС-сыз айналым", "Абарот без ПДВ", "Turnover without VAT"
        ),
        "by_cashiers": Caption("ПО КАССИРАМ", "КАССИРЛЕР БОЙЫНША", "ПА КАСІРАХ", "BY CASHIER"),
        "non_nullable": Caption(
            "НЕОБНУЛЯЕМЫЕ СУММЫ", "НӨЛДЕНБЕЙТІН СОМАЛАР", "НЕАБНУЛЯЛЬНЫЯ СУМЫ", "TOTALS NEVER RESET"
        ),
        "at_start": Caption("На начало смены", "Ауысым басында", "На пачатак змены", "At shift start"),
        "at_end": Caption("На конец смены", "Ауысым соңында", "На канец змены", "At shift end"),
        "from_shift": Caption("Первая смена", "Алғашқы ауысым", "Першая змена", "First shift"),
        "to_shift": Caption("Последняя смена", "Соңғы ауысым", "Апошняя змена", "Last shift"),
        "of_period": Caption(
            "ИТОГИ ЗА ПЕРИОД", "КЕЗЕҢ ҚОРЫТЫНДЫСЫ", "ВЫНІКІ ЗА ПЕРЫЯД", "TOTALS OF THE PERIOD"
        ),
        "by_shifts": Caption("ПО СМЕНАМ", "АУЫСЫМДАР БОЙЫНША", "ПА ЗМЕНАХ", "BY SHIFT"),
        "positions": Caption("ПОЗИЦИИ ПРОДАЖ", "САТУ ПОЗИЦИЯЛАРЫ", "ПАЗІЦЫІ ПРОДАЖУ", "POSITIONS SOLD"),
        "total": Caption("Итого", "Барлығы", "Усяго", "Total"),
        "operation": Caption("Операция", "Операция", "Аперацыя", "Operation"),
        "number": Caption("№", "№", "№", "No."),
        "code": Caption("Код", "Код", "Код", "Code"),
        "last_receipt": Caption(
            "Номер последнего чека", "Соңғы чек нөмірі", "Нумар апошняга чэка", "Last receipt No."
        ),
        # Reports that are no documents.
        "section_report": Caption(
            "ОТЧЕТ ПО СЕКЦИЯМ", "СЕКЦИЯЛАР БОЙЫНША ЕСЕП", "СПРАВАЗДАЧА ПА СЕКЦЫЯХ", "REPORT BY SECTION"
        ),
        "cashier_report": Caption(
            "ОТЧЕТ ПО КАССИРАМ", "КАССИРЛЕР БОЙЫНША ЕСЕП", "СПРАВАЗДАЧА ПА КАСІРАХ", "REPORT BY CASHIER"
        ),
        "control_tape": Caption("КОНТРОЛЬНАЯ ЛЕНТА", "БАҚЫЛАУ ТАСПАСЫ", "КАНТРОЛЬНАЯ СТУЖКА", "CONTROL TAPE"),
        "fiscal_report": Caption(
            "ФИСКАЛЬНЫЙ ОТЧЕТ", "ФИСКАЛДЫҚ ЕСЕП", "ФІСКАЛЬНАЯ СПРАВАЗДАЧА", "FISCAL REPORT"
        ),
        "checksum": Caption("Контрольная сумма", "Бақылау сомасы", "Кантрольная сума", "Checksum"),
        # The foot.
        "fiscal_sign": Caption("ФП", "ФБ", "ФП", "FS"),
        "buyer_kz": Caption("ИИН/БИН клиента", "Клиенттің ЖСН/БСН", "ІІН/БІН кліента", "Customer IIN/BIN"),
        "buyer_by": Caption("УНП покупателя", "Сатып алушының УНП", "УНП пакупніка", "Buyer's UNP"),
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
