"""The link to the operator in words: what happened to a register, why nobody answered, the figures of a report."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from flask_babel import LazyString, gettext, lazy_gettext

from portal.web import formats
from portal.web.words_fiscal import operator_result

REFUSALS: Final[dict[str, tuple[LazyString | str, LazyString | str]]] = {
    "ofd.refused": (
        lazy_gettext("Оператор не принял документ № %(number)s: %(text)s. Портал сразу его аннулировал."),
        lazy_gettext("Исправьте то, что назвал оператор, и оформите чек заново."),
    ),
    "ofd.not_connected": (
        lazy_gettext("Касса ещё не подключена к оператору."),
        lazy_gettext("Подключите её: нужны идентификационный номер и токен из кабинета оператора."),
    ),
    "ofd.token_invalid": (
        lazy_gettext("Ошибка. Недействительный токен"),
        lazy_gettext(
            "Получите новый токен в кабинете оператора («Получить токен») и вставьте его целиком. Прежний токен остался в силе."
        ),
    ),
    "ofd.not_accepted": (
        lazy_gettext("Оператор ответил отказом: %(text)s (код %(result_code)s)."),
        lazy_gettext("Ничего не изменено. Проверьте идентификационный номер кассы у оператора."),
    ),
    "ofd.silent": (
        lazy_gettext("Оператор не отвечает по адресу %(host)s:%(port)s."),
        lazy_gettext("Ничего не изменено. Проверьте адрес и повторите позже."),
    ),
    "ofd.nothing_to_send": (
        lazy_gettext("Документ № %(number)s не ждёт повторной отправки."),
        lazy_gettext("Обновите страницу: возможно, он уже отправлен."),
    ),
}

EVENTS: Final[Mapping[str, LazyString]] = MappingProxyType(
    {
        "went_autonomous": lazy_gettext("Перешла в автономный режим"),
        "came_back": lazy_gettext("Вернулась на связь: всё отправлено"),
        "settings_changed": lazy_gettext("Изменены настройки"),
        "token_changed": lazy_gettext("Введён новый токен"),
        "blocked": lazy_gettext("Заблокирована оператором"),
        "unblocked": lazy_gettext("Разблокирована оператором"),
        "operator_refused": lazy_gettext("Оператор не принял документ"),
        "connected": lazy_gettext("Подключена к оператору"),
    }
)

REASONS: Final[Mapping[str, LazyString]] = MappingProxyType(
    {
        "timeout": lazy_gettext("оператор не ответил вовремя"),
        "deadline": lazy_gettext("касса была занята дольше срока ожидания"),
        "late": lazy_gettext("ответ пришёл слишком поздно"),
        "no_answer": lazy_gettext("ответ не дошёл"),
        "refused": lazy_gettext("по адресу оператора никто не слушает"),
        "unreachable": lazy_gettext("адрес оператора недоступен"),
        "reset": lazy_gettext("соединение сброшено"),
        "closed": lazy_gettext("соединение закрыто до конца ответа"),
        "other_device": lazy_gettext("ответ не этой кассе"),
        "other_request": lazy_gettext("ответ не на этот запрос"),
        "other_command": lazy_gettext("ответ не на эту команду"),
        "undecodable": lazy_gettext("ответ не читается"),
    }
)

OPERATIONS: Final[Mapping[str, LazyString]] = MappingProxyType(
    {
        "sale": lazy_gettext("Продажа"),
        "sale_refund": lazy_gettext("Возврат продажи"),
        "purchase": lazy_gettext("Покупка"),
        "purchase_refund": lazy_gettext("Возврат покупки"),
        "cash_in": lazy_gettext("Внесение"),
        "cash_out": lazy_gettext("Изъятие"),
    }
)

FIGURES: Final[Mapping[str, LazyString]] = MappingProxyType(
    {
        "shift": lazy_gettext("Номер смены"),
        "cash": lazy_gettext("Наличных в кассе"),
        "revenue": lazy_gettext("Выручка"),
        "count": lazy_gettext("количество"),
        "sum": lazy_gettext("сумма"),
        "item_count": lazy_gettext("позиций"),
        "item_sum": lazy_gettext("сумма позиций"),
        "result": lazy_gettext("итог с учётом скидок и наценок"),
        "start_non_nullable": lazy_gettext("необнуляемая сумма на начало смены"),
        "non_nullable": lazy_gettext("необнуляемая сумма"),
        "life_count": lazy_gettext("количество за всё время"),
        "offline_count": lazy_gettext("количество автономных"),
        "modifiers": lazy_gettext("наценки за вычетом скидок"),
        "change": lazy_gettext("сдача"),
        "cash_paid": lazy_gettext("наличными"),
        "card": lazy_gettext("картой"),
        "mobile": lazy_gettext("мобильными платежами"),
        "other": lazy_gettext("другими средствами"),
        "cash_count": lazy_gettext("количество оплат наличными"),
        "card_count": lazy_gettext("количество оплат картой"),
        "mobile_count": lazy_gettext("количество мобильных платежей"),
        "other_count": lazy_gettext("количество других оплат"),
    }
)


def event_name(kind: str, facts: Mapping[str, Any]) -> str:
    """What happened to a register, and why where that is known."""
    name = str(EVENTS.get(kind, kind))
    why = _why(facts)
    return f"{name}: {why}" if why else name


def _why(facts: Mapping[str, Any]) -> str:
    code, reason = facts.get("code"), str(facts.get("reason") or "")
    if isinstance(code, int):
        return operator_result(code, facts.get("text"))
    if reason.startswith("code_") and reason[5:].isdigit():
        return operator_result(int(reason[5:]))
    return silence(reason) if reason else ""


def silence(reason: str | None) -> str:
    """Why no answer came that could be trusted."""
    return str(REASONS.get(reason or "") or REASONS["undecodable"]) if reason else ""


def last_word(code: int | None, text: str | None) -> str:
    """What came of the last try: the operator's answer, or why there was none; empty before the first."""
    return silence(text) if code is None else operator_result(code, text)


def figure_name(figure: str) -> str:
    """A figure of a report, as the comparison names it, in words."""
    parts = figure.split(".")
    match parts:
        case ["section", section, operation, measure]:
            named = gettext("Секция %(section)s", section=section)
            return f"{named} · {_operation(operation)}: {_measure(measure)}"
        case ["tax", rate, operation]:
            shown = gettext("НДС %(rate)s", rate=formats.rate(int(rate)))
            return f"{shown} · {_operation(operation)}"
        case [operation, measure]:
            return f"{_operation(operation)}: {_measure('cash_paid' if measure == 'cash' else measure)}"
        case [alone]:
            return _measure(alone)
    return figure


def figure_value(figure: str, value: int) -> str:
    """A figure as it is written: a sum, or a number."""
    is_number = figure == "shift" or figure.endswith("count")
    return formats.count(value) if is_number else formats.amount(value)


def _operation(name: str) -> str:
    return str(OPERATIONS.get(name, name))


def _measure(name: str) -> str:
    return str(FIGURES.get(name, name))
