"""The words of registers and their operators: why the engine refuses, what the operator answered.

Every refusal has a sentence with its facts and the next step. Where a refusal is about the receipt as a whole and not about a
position (its fact `line` is nought), `OF_RECEIPT` has the sentence. `RESULTS` name the operator's result codes (protocol 2.0.3); an operator
that sends words of its own is quoted instead.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flask_babel import LazyString, lazy_gettext

NOTHING_TO_DO: Final = ""

Words = tuple[LazyString | str, LazyString | str]

REFUSALS: Final[dict[str, Words]] = {
    "fiscal.shift_not_open": (lazy_gettext("Смена не открыта."), lazy_gettext("Откройте смену и повторите.")),
    "fiscal.shift_already_open": (
        lazy_gettext("Смена %(shift)s уже открыта: %(opened_at)s."),
        lazy_gettext("Продолжайте в ней или сначала закройте её Z-отчётом."),
    ),
    "fiscal.shift_opens_by_itself": (
        lazy_gettext("В Казахстане смену открывает первый документ, отдельной команды нет."),
        lazy_gettext("Оформите первый чек или внесение: смена откроется сама."),
    ),
    "fiscal.shift_too_long": (
        lazy_gettext(
            "Смена %(shift)s открыта %(opened_at)s и длится больше 24 часов: её срок вышел %(closes_at)s."
        ),
        lazy_gettext("Закройте смену Z-отчётом и повторите: чек попадёт в новую смену."),
    ),
    "fiscal.autonomous_too_long": (
        lazy_gettext(
            "Касса работает автономно с %(autonomous_since_at)s. Больше 72 часов нельзя, поэтому с %(blocked_at)s она заблокирована."
        ),
        lazy_gettext(
            "Проверьте связь с оператором и оплату его услуг. Касса откроется сама, как только оператор получит все накопленные документы."
        ),
    ),
    "fiscal.already_autonomous": (
        lazy_gettext("Касса уже работает автономно, с %(autonomous_since_at)s."),
        lazy_gettext("Делать ничего не нужно: документы уйдут оператору сами."),
    ),
    "fiscal.not_autonomous": (
        lazy_gettext("Касса не в автономном режиме."),
        lazy_gettext("Обновите страницу: связь с оператором уже восстановлена."),
    ),
    "fiscal.clock_back": (
        lazy_gettext(
            "Время пошло назад: сейчас %(issued_at)s, а предыдущий документ кассы от %(previous_at)s."
        ),
        lazy_gettext("Проверьте часы и повторите, когда они догонят последний документ."),
    ),
    "fiscal.clock_ahead": (
        lazy_gettext("Часы спешат: момента %(issued_at)s ещё не было."),
        lazy_gettext("Проверьте дату и время и повторите."),
    ),
    "fiscal.cashier_missing": (
        lazy_gettext("Не указан кассир, или его имя или код не подходят."),
        lazy_gettext("Укажите имя кассира, до 64 знаков."),
    ),
    "fiscal.empty_basket": (
        lazy_gettext("В чеке нет ни одной позиции: не добавлено ничего, или всё сторнировано."),
        lazy_gettext("Добавьте хотя бы одну позицию."),
    ),
    "fiscal.too_many_lines": (
        lazy_gettext("Позиций %(lines)s, а в чеке помещается не больше %(lines_max)s."),
        lazy_gettext("Разделите покупку на несколько чеков."),
    ),
    "fiscal.line_invalid": (
        lazy_gettext("Позиция %(line)s: %(field)s не подходит."),
        lazy_gettext("Исправьте позицию и повторите."),
    ),
    "fiscal.markings_count": (
        lazy_gettext(
            "Позиция %(line)s: кодов маркировки %(markings)s, а количество %(quantity_milli)s. На каждую штуку нужен свой код."
        ),
        lazy_gettext("Отсканируйте по одному коду с каждой штуки, без повторов."),
    ),
    "fiscal.tax_rate_unknown": (
        lazy_gettext("Позиция %(line)s: ставки НДС %(rate)s на эту дату нет, или продавец не платит НДС."),
        lazy_gettext("Выберите действующую ставку или продажу без НДС."),
    ),
    "fiscal.discount_too_large": (
        lazy_gettext(
            "Позиция %(line)s: скидка %(discount_minor)s больше суммы %(from_minor)s, с которой её берут."
        ),
        lazy_gettext("Уменьшите скидку."),
    ),
    "fiscal.both_modifiers": (
        lazy_gettext("Позиция %(line)s: скидка и наценка одновременно не разрешены."),
        lazy_gettext("Оставьте что-то одно."),
    ),
    "fiscal.modifier_not_allowed": (
        lazy_gettext("Позиция %(line)s: скидки и наценки на позиции в этой кассе выключены."),
        lazy_gettext("Уберите скидку или наценку, либо включите их в настройках кассы."),
    ),
    "fiscal.modifier_unit": (
        lazy_gettext(
            "Позиция %(line)s: скидка задана не так, как настроена касса. Скидки в ней задаются %(unit)s."
        ),
        lazy_gettext("Введите скидку заново или измените способ ввода в настройках кассы."),
    ),
    "fiscal.purchase_not_allowed": (
        lazy_gettext(
            "Режим «Покупки» в этой кассе выключен. Он нужен только пунктам обмена валют, приёма металлолома и стеклопосуды и ломбардам."
        ),
        lazy_gettext("Включите режим «Покупки» в настройках кассы при закрытой смене."),
    ),
    "fiscal.exchange_not_allowed": (
        lazy_gettext("Позиция %(line)s: валюту продают и покупают только кассы обменных пунктов."),
        lazy_gettext("Включите режим «Пункт обмена валют» в настройках кассы при закрытой смене."),
    ),
    "fiscal.buyer_invalid": (
        lazy_gettext("«%(buyer)s» не похоже на учётный номер покупателя."),
        lazy_gettext("Проверьте цифры: ИИН/БИН — 12 цифр, УНП — 9 знаков."),
    ),
    "fiscal.buyer_is_seller": (
        lazy_gettext("ИИН/БИН покупателя %(buyer)s совпадает с продавцом."),
        lazy_gettext("Укажите номер покупателя или оставьте поле пустым."),
    ),
    "fiscal.sum_max": (
        lazy_gettext(
            "Итог %(total_minor)s больше максимальной суммы чека %(sum_max_minor)s, заданной для кассы."
        ),
        lazy_gettext("Проверьте цену и количество; предел меняют в настройках кассы."),
    ),
    "fiscal.sum_too_large": (
        lazy_gettext("Сумма %(sum_minor)s больше, чем документ может вместить: %(sum_max_minor)s."),
        lazy_gettext("Проверьте цену и количество или разделите чек."),
    ),
    "fiscal.not_enough_money": (
        lazy_gettext("Внесено %(paid_minor)s, а к оплате %(total_minor)s."),
        lazy_gettext("Добавьте недостающее."),
    ),
    "fiscal.cashless_overflow": (
        lazy_gettext("Безналичными %(cashless_minor)s, больше итога %(total_minor)s."),
        lazy_gettext("Уменьшите безналичную оплату: сдача бывает только с наличных."),
    ),
    "fiscal.cash_overflow": (
        lazy_gettext("Итог %(total_minor)s уже оплачен безналично, наличные %(cash_minor)s лишние."),
        lazy_gettext("Уберите наличные или уменьшите безналичную оплату."),
    ),
    "fiscal.negative_change": (
        lazy_gettext("К возврату %(total_minor)s, а выдаётся %(paid_minor)s."),
        lazy_gettext("Верните ровно сумму возврата."),
    ),
    "fiscal.change_without_cash": (
        lazy_gettext("Сдача %(change_minor)s больше внесённых наличных %(cash_minor)s."),
        lazy_gettext("Уменьшите безналичную оплату: сдача бывает только с наличных."),
    ),
    "fiscal.cash_not_whole": (
        lazy_gettext("Наличными %(cash_minor)s не заплатить: самая мелкая монета %(step_minor)s."),
        lazy_gettext("Округлите наличные."),
    ),
    "fiscal.not_enough_cash": (
        lazy_gettext("В кассе наличных %(cash_minor)s, а нужно выдать %(wanted_minor)s."),
        lazy_gettext("Внесите наличные или выдайте сумму безналично."),
    ),
    "fiscal.basis_missing": (
        lazy_gettext("Для возврата нужен чек-основание: его фискальный признак, дата, сумма и РНМ кассы."),
        lazy_gettext("Найдите чек покупателя и укажите его реквизиты."),
    ),
    "fiscal.original_not_found": (
        lazy_gettext("Чека № %(number)s у этой кассы нет."),
        lazy_gettext("Проверьте номер: вернуть по номеру можно только чек этой же кассы."),
    ),
    "fiscal.not_refundable": (
        lazy_gettext(
            "Документ № %(number)s (%(kind)s) по номеру не вернуть: это не продажа и не покупка, либо прежние возвраты не сказали, что именно вернули."
        ),
        lazy_gettext("Оформите простой возврат, перечислив позиции."),
    ),
    "fiscal.nothing_left": (
        lazy_gettext("По чеку № %(number)s уже вернули всё."),
        lazy_gettext("Проверьте номер чека."),
    ),
    "fiscal.more_than_left": (
        lazy_gettext(
            "Чек № %(number)s, позиция %(line)s: вернуть хотят %(wanted_milli)s, а осталось %(left_milli)s."
        ),
        lazy_gettext("Уменьшите количество."),
    ),
    "fiscal.annulment_not_allowed": (
        lazy_gettext(
            "Документ № %(number)s (%(kind)s) аннулировать нельзя: аннулируют только чек открытой смены, по которому ничего не возвращали, и только там, где это разрешает закон."
        ),
        lazy_gettext("Оформите возврат."),
    ),
    "fiscal.already_annulled": (
        lazy_gettext("Чек № %(number)s уже аннулирован."),
        lazy_gettext("Делать ничего не нужно."),
    ),
    "issuing.not_a_cloud_till": (
        lazy_gettext("Эта касса не работает в облаке: документы она оформляет сама."),
        lazy_gettext("Выберите облачную кассу."),
    ),
    "issuing.key_too_long": (
        lazy_gettext("Внешний номер чека — от 1 до %(length_max)s знаков, а здесь %(length)s."),
        lazy_gettext("Возьмите номер короче и повторяйте чек с тем же номером."),
    ),
    "issuing.till_busy": (
        lazy_gettext("Касса занята другой операцией."),
        lazy_gettext("Повторите с тем же номером через несколько секунд: второго чека не будет."),
    ),
    "issuing.shift_is_open": (
        lazy_gettext("Смена %(shift)s открыта, а настройки кассы меняют только при закрытой смене."),
        lazy_gettext("Закройте смену Z-отчётом и повторите."),
    ),
    "ofd.blocked": (
        lazy_gettext("Оператор заблокировал кассу: %(text)s (код %(result_code)s)."),
        lazy_gettext(
            "Обратитесь в поддержку оператора фискальных данных; когда он снимет блокировку, касса откроется сама."
        ),
    ),
}

OF_RECEIPT: Final[dict[str, LazyString]] = {
    "fiscal.line_invalid": lazy_gettext("Скидка или наценка на чек: %(field)s не подходит."),
    "fiscal.tax_rate_unknown": lazy_gettext(
        "Скидка или наценка на чек: ставки НДС %(rate)s на эту дату нет, или продавец не платит НДС."
    ),
    "fiscal.discount_too_large": lazy_gettext(
        "Скидка на чек %(discount_minor)s больше суммы %(from_minor)s, с которой её берут."
    ),
    "fiscal.both_modifiers": lazy_gettext("Скидка и наценка на чек одновременно не разрешены."),
    "fiscal.modifier_not_allowed": lazy_gettext(
        "Скидок или наценок на чек эта касса не даёт, или даёт не столько."
    ),
    "fiscal.modifier_unit": lazy_gettext(
        "Скидка на чек задана не так, как настроена касса. Скидки в ней задаются %(unit)s."
    ),
}

# What of a position does not fit: its field, as commands name it.
FIELDS: Final[dict[str, LazyString]] = {
    "barcode": lazy_gettext("штриховой код (GTIN)"),
    "code": lazy_gettext("код товара"),
    "currency": lazy_gettext("валюта"),
    "excise": lazy_gettext("акцизная марка"),
    "marking": lazy_gettext("код маркировки"),
    "markings": lazy_gettext("список кодов маркировки"),
    "name": lazy_gettext("наименование"),
    "ntin": lazy_gettext("код NTIN"),
    "place": lazy_gettext("номер строки"),
    "price_minor": lazy_gettext("цена"),
    "quantity_milli": lazy_gettext("количество"),
    "section": lazy_gettext("секция"),
    "tax_rate": lazy_gettext("ставка НДС"),
    "unit": lazy_gettext("единица измерения"),
}

# How a register's cashiers state discounts.
MODIFIER_UNITS: Final[dict[str, LazyString]] = {
    "percent": lazy_gettext("в процентах"),
    "sum": lazy_gettext("суммой"),
}

RESULTS: Final = MappingProxyType(
    {
        0: lazy_gettext("Принято"),
        1: lazy_gettext("Аппарат не зарегистрирован в системе"),
        2: lazy_gettext("Необходимо произвести сброс токена"),
        3: lazy_gettext("Ошибка протокола"),
        4: lazy_gettext("Неизвестная команда"),
        5: lazy_gettext("Команда не поддерживается"),
        6: lazy_gettext("Неверная конфигурация кассы"),
        7: lazy_gettext("Защищённое соединение не разрешено"),
        8: lazy_gettext("Номер запроса тот же, но токен другой"),
        9: lazy_gettext("Номер запроса и токен те же, но код команды отличается"),
        10: lazy_gettext("Чек нельзя отменить"),
        11: lazy_gettext("Истёк период, в течение которого смена может быть открыта"),
        12: lazy_gettext("Неверный логин или пароль"),
        13: lazy_gettext("Данные корректны с точки зрения протокола, но неверны в контексте"),
        14: lazy_gettext("Недостаточно наличных в кассе"),
        15: lazy_gettext("Касса заблокирована"),
        16: lazy_gettext("Смена уже открыта"),
        17: lazy_gettext("Совпадает ИИН/БИН покупателя и продавца"),
        18: lazy_gettext("Товар с таким штриховым кодом не найден"),
        254: lazy_gettext("Сервис временно недоступен"),
        255: lazy_gettext("Неизвестная ошибка оператора"),
    }
)
OTHER_RESULT: Final = lazy_gettext("Код ответа %(code)s")


def operator_result(code: int, text: str | None = None) -> str:
    """What the operator answered: the name of its code, and its own words where they say more."""
    name = str(RESULTS.get(code) or OTHER_RESULT % {"code": code})
    return f"{name} («{text}»)" if text and text.casefold() != name.casefold() else name


def name_facts(code: str, facts: Mapping[str, object]) -> dict[str, object]:
    """The facts of a refusal with names for what the engine and the operator know by a word or a number."""
    named = dict(facts)
    field, unit, result = facts.get("field"), facts.get("unit"), facts.get("result_code")
    if code == "fiscal.line_invalid" and isinstance(field, str):
        named["field"] = FIELDS.get(field, field)
    if code == "fiscal.modifier_unit" and isinstance(unit, str):
        named["unit"] = MODIFIER_UNITS.get(unit, unit)
    if code.startswith("ofd.") and isinstance(result, int):
        text = facts.get("text")
        named["text"] = operator_result(result, text if isinstance(text, str) else None)
    return named
