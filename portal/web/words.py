"""Codes become sentences: refusals, remarks, reasons of quarantine, kinds of document, roles.

Below the edge there are codes and facts only; here each code has its sentence and, where the reader can do
something about it, the next step. Sentences name their facts (`%(field)s`); facts are shown as the reader's
language writes them: `…_minor` as a sum, `…_at` as a moment.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from flask import Flask
from flask_babel import LazyString, lazy_gettext

from portal.fiscal.documents import KIND_BY_NAME, Kind
from portal.web import formats, words_fiscal, words_operator
from portal.web.words_fiscal import NOTHING_TO_DO

REFUSALS: dict[str, tuple[LazyString | str, LazyString | str]] = {
    "refused": (lazy_gettext("Портал отказал в этом действии."), NOTHING_TO_DO),
    "bad_request": (
        lazy_gettext("Запрос составлен неверно."),
        lazy_gettext("Вернитесь на предыдущую страницу и повторите."),
    ),
    "bad_input": (
        lazy_gettext("Значение «%(value)s» поля «%(field)s» не подходит."),
        lazy_gettext("Исправьте значение или сбросьте фильтр."),
    ),
    "stale_form": (
        lazy_gettext("Страница устарела: её форма больше не действует."),
        lazy_gettext("Обновите страницу и отправьте форму ещё раз. Ничего не было изменено."),
    ),
    "cross_site": (
        lazy_gettext("Запрос пришёл с чужого сайта и не выполнен."),
        lazy_gettext("Откройте портал по его собственному адресу и повторите."),
    ),
    "not_signed_in": (lazy_gettext("Сначала войдите в кабинет."), lazy_gettext("Войдите и повторите.")),
    "not_allowed": (
        lazy_gettext("У вас нет права на эту страницу или действие."),
        lazy_gettext("Право даёт владелец организации."),
    ),
    "not_found": (
        lazy_gettext("Такой страницы нет, или она вам не видна."),
        lazy_gettext("Проверьте адрес и выбранную организацию."),
    ),
    "method_not_allowed": (
        lazy_gettext("Этот адрес так не вызывают."),
        lazy_gettext("Вернитесь на предыдущую страницу."),
    ),
    "not_acceptable": (lazy_gettext("В таком виде ответа нет."), NOTHING_TO_DO),
    "too_slow": (lazy_gettext("Запрос передавался слишком долго."), lazy_gettext("Повторите.")),
    "length_required": (lazy_gettext("Не указана длина запроса."), NOTHING_TO_DO),
    "too_large": (
        lazy_gettext("Запрос больше, чем портал принимает."),
        lazy_gettext("Отправьте меньшими частями."),
    ),
    "unsupported_media_type": (lazy_gettext("Такой вид содержимого здесь не принимают."), NOTHING_TO_DO),
    "too_fast": (
        lazy_gettext("Слишком много запросов подряд."),
        lazy_gettext("Подождите минуту и повторите."),
    ),
    "unavailable": (
        lazy_gettext("Портал временно не может прочитать данные."),
        lazy_gettext("Принятые документы целы. Повторите через несколько секунд."),
    ),
    "broken": (
        lazy_gettext("На нашей стороне ошибка, она уже записана."),
        lazy_gettext("Данные целы. Повторите позже или сообщите поддержке номер запроса."),
    ),
    "auth.wrong_credentials": (
        lazy_gettext("Войти не удалось: логин, пароль и код вместе не подошли."),
        lazy_gettext(
            "Код действует один раз и 30 секунд: дождитесь нового. "
            "После пяти неудач вход закрывается на 15 минут."
        ),
    ),
    "auth.too_many_attempts": (
        lazy_gettext("С вашего адреса было слишком много неудачных попыток входа."),
        lazy_gettext("Повторите через 15 минут."),
    ),
    "auth.busy": (
        lazy_gettext("Сейчас входит слишком много людей сразу."),
        lazy_gettext("Повторите через несколько секунд."),
    ),
    "auth.password_unfit": (
        lazy_gettext(
            "Пароль не подходит: от %(length_min)s до %(length_max)s знаков, без имени для входа внутри."
        ),
        lazy_gettext("Придумайте другой пароль."),
    ),
    "auth.login_taken": (
        lazy_gettext("Имя для входа «%(login)s» уже занято."),
        lazy_gettext("Укажите другое имя."),
    ),
    "auth.person_unknown": (
        lazy_gettext("Имени для входа «%(login)s» нет."),
        lazy_gettext("Проверьте, как оно написано."),
    ),
    "orgs.tax_id_unfit": (
        lazy_gettext("Учётный номер «%(tax_id)s» не проходит проверку."),
        lazy_gettext("Проверьте цифры: УНП — 9 знаков, БИН/ИИН — 12 цифр."),
    ),
    "orgs.tax_id_taken": (
        lazy_gettext("Организация с учётным номером %(tax_id)s уже есть."),
        NOTHING_TO_DO,
    ),
    "orgs.zone_unknown": (
        lazy_gettext("Часового пояса «%(zone)s» нет."),
        lazy_gettext("Укажите пояс так: Europe/Minsk, Asia/Almaty."),
    ),
    "registers.factory_number_taken": (
        lazy_gettext("Касса с заводским номером %(factory_number)s уже есть."),
        NOTHING_TO_DO,
    ),
    "replay.foreign_currency": (
        lazy_gettext("Чеки в BYN, а организация ведёт учёт в %(currency)s."),
        lazy_gettext("Выберите белорусскую организацию."),
    ),
    "ingest.unauthorised": (
        lazy_gettext("Токен не указан или никому не принадлежит."),
        lazy_gettext("Передайте заголовок Authorization: Bearer с токеном кассы или шлюза."),
    ),
    "ingest.sender_revoked": (
        lazy_gettext("Этот токен отозван, или его касса снята с учёта."),
        lazy_gettext("Получите новый токен у администратора организации."),
    ),
    "ingest.key_missing": (
        lazy_gettext("Нет заголовка Idempotency-Key."),
        lazy_gettext("Дайте каждой партии свой ключ и повторяйте её с тем же ключом."),
    ),
    "ingest.key_unfit": (
        lazy_gettext(
            "Idempotency-Key длиннее %(length_max)s знаков или не состоит из печатных знаков ASCII."
        ),
        lazy_gettext("Возьмите ключ короче, например UUID."),
    ),
    "ingest.key_reused": (
        lazy_gettext("Под этим ключом уже приняты другие данные."),
        lazy_gettext("Для новой партии возьмите новый ключ; повтор шлите байт в байт."),
    ),
    "ingest.too_large": (
        lazy_gettext("Партия больше 5 МиБ."),
        lazy_gettext("Разделите её на меньшие."),
    ),
    "ingest.too_many_documents": (
        lazy_gettext("В партии документов: %(count)s, а можно не больше %(count_max)s."),
        lazy_gettext("Разделите её на меньшие."),
    ),
    "ingest.unsupported_media_type": (
        lazy_gettext("Принимаются application/x-ndjson и application/json, без сжатия или gzip."),
        NOTHING_TO_DO,
    ),
    "ingest.unreadable_body": (
        lazy_gettext("Тело запроса не удалось прочитать: %(why)s."),
        lazy_gettext("Проверьте сжатие и JSON."),
    ),
    "ingest.empty_batch": (lazy_gettext("В партии нет ни одного документа."), NOTHING_TO_DO),
    "ingest.too_fast": (
        lazy_gettext("Запросов больше, чем можно одному отправителю за минуту."),
        lazy_gettext("Шлите больше документов в одной партии и повторите позже с тем же ключом."),
    ),
    "ingest.backlog": (
        lazy_gettext("Слишком много документов организации ещё ждут обработки: %(waiting)s."),
        lazy_gettext("Повторите позже с тем же ключом."),
    ),
    **words_fiscal.REFUSALS,
    **words_operator.REFUSALS,
}

REMARKS: dict[str, LazyString] = {
    "line_sum": lazy_gettext(
        "Строка %(line)s: сумма %(sum_minor)s, а по цене, количеству и скидкам %(expected_minor)s."
    ),
    "lines_total": lazy_gettext("Итог %(total_minor)s, а по строкам и скидкам %(expected_minor)s."),
    "payments_total": lazy_gettext(
        "Итог %(total_minor)s, а оплачено %(paid_minor)s при сдаче %(change_minor)s."
    ),
    "change_without_cash": lazy_gettext("Сдача %(change_minor)s больше внесённых наличных %(cash_minor)s."),
    "cashless_overflow": lazy_gettext(
        "Безналично оплачено %(cashless_minor)s, больше итога %(total_minor)s."
    ),
    "cash_not_rounded": lazy_gettext(
        "Наличные %(cash_minor)s или сдача %(change_minor)s не округлены до %(step_minor)s."
    ),
    "tax_rate_unknown": lazy_gettext("Строка %(line)s: ставки налога %(rate)s на эту дату нет."),
    "tax_sum": lazy_gettext("Строка %(line)s: налог %(tax_minor)s, а по ставке %(expected_minor)s."),
    "receipt_without_lines": lazy_gettext("В чеке нет ни одной строки."),
    "no_cashier": lazy_gettext("Не указан кассир."),
    "basis_missing": lazy_gettext("Не указан документ, на основании которого оформлено: %(kind)s."),
    "fiscal_sign_missing": lazy_gettext("Нет фискального признака, хотя документ не автономный."),
    "lines_on_report": lazy_gettext("У документа «%(kind)s» не бывает строк и оплат."),
    "cash_movement_empty": lazy_gettext("Внесение или изъятие на нулевую сумму."),
    "report_without_totals": lazy_gettext("В Z-отчёте нет итогов смены."),
    "shift_too_long": lazy_gettext("Смена открыта %(opened_at)s: дольше 24 часов к %(issued_at)s."),
    "clock_ahead": lazy_gettext("Часы кассы спешат: документ от %(issued_at)s получен %(received_at)s."),
    "clock_back": lazy_gettext(
        "Документ от %(issued_at)s, а предыдущий от %(previous_at)s: время пошло назад."
    ),
    "digest_mismatch": lazy_gettext("Контрольная сумма, которую назвала касса, не сходится с документом."),
    "rounding_wrong": lazy_gettext(
        "Округление %(rounding_minor)s больше допустимого или ничем не объяснено."
    ),
    "modifiers_total": lazy_gettext(
        "Скидки на чек %(discounts_minor)s и наценки %(markups_minor)s, а в чеке указано %(discount_minor)s и %(markup_minor)s."
    ),
    "modifier_tax": lazy_gettext(
        "Скидка или наценка на чек: налог %(tax_minor)s с суммы %(sum_minor)s, а по ставке %(rate)s — %(expected_minor)s."
    ),
    "storno_wrong": lazy_gettext("Сторно позиции %(place)s записано неверно."),
    "markings_count": lazy_gettext(
        "Строка %(line)s: кодов маркировки %(markings)s, это не по одному на штуку."
    ),
    "buyer_invalid": lazy_gettext("Номер налогоплательщика покупателя «%(buyer)s» неверен."),
    "basis_unexpected": lazy_gettext("У документа «%(kind)s» не бывает чека-основания."),
    "report_unexpected": lazy_gettext("Сменный отчёт приложен к документу «%(kind)s»."),
    "report_wrong": lazy_gettext("Сменный отчёт не сходится сам с собой: %(field)s."),
    "engine_claimed": lazy_gettext("Касса выдаёт документ за оформленный порталом."),
    "operator_refused": lazy_gettext("Оператор не принял документ: %(text)s (код %(code)s)."),
    "operator_differs": lazy_gettext("Отчёт расходится с данными оператора, показателей: %(count)s."),
    "previous_mismatch": lazy_gettext("Касса назвала не ту контрольную сумму документа № %(number)s."),
}

QUARANTINE: dict[str, LazyString] = {
    "unreadable": lazy_gettext("Документ не читается. Ответ разбора: «%(why)s»."),
    "unknown_register": lazy_gettext("Кассы «%(register)s» в организации нет."),
    "foreign_register": lazy_gettext("Документ кассы «%(register)s» пришёл с токеном другой кассы."),
    "register_removed": lazy_gettext("Касса «%(register)s» снята с учёта."),
    "cloud_register": lazy_gettext(
        "Касса «%(register)s» работает в облаке: её документы оформляет портал, и поток ей не нужен."
    ),
    "foreign_currency": lazy_gettext("Валюта документа %(currency)s, а у организации %(expected)s."),
    "fork": lazy_gettext("Под номером %(number)s уже принят другой документ."),
    "unprocessable": lazy_gettext(
        "Портал не смог обработать документ. Это наша ошибка, она записана в журнал."
    ),
}

KINDS: dict[Kind, LazyString] = {
    Kind.SHIFT_OPENED: lazy_gettext("Открытие смены"),
    Kind.SALE: lazy_gettext("Продажа"),
    Kind.SALE_REFUND: lazy_gettext("Возврат продажи"),
    Kind.PURCHASE: lazy_gettext("Покупка"),
    Kind.PURCHASE_REFUND: lazy_gettext("Возврат покупки"),
    Kind.ANNULMENT: lazy_gettext("Аннулирование"),
    Kind.CASH_IN: lazy_gettext("Внесение"),
    Kind.CASH_OUT: lazy_gettext("Изъятие"),
    Kind.X_REPORT: lazy_gettext("X-отчёт"),
    Kind.Z_REPORT: lazy_gettext("Z-отчёт"),
}

PAYMENTS: dict[str, LazyString] = {
    "cash": lazy_gettext("Наличные"),
    "card": lazy_gettext("Карта"),
    "mobile": lazy_gettext("Мобильный платёж"),
    "other": lazy_gettext("Другое"),
}

ROLES: dict[str, LazyString] = {
    "owner": lazy_gettext("Владелец"),
    "accountant": lazy_gettext("Бухгалтер"),
    "administrator": lazy_gettext("Администратор"),
    "cashier": lazy_gettext("Кассир"),
}

THEMES: dict[str, LazyString] = {
    "auto": lazy_gettext("Как в системе"),
    "light": lazy_gettext("Светлая"),
    "dark": lazy_gettext("Тёмная"),
}


def init_app(app: Flask) -> None:
    """Offer the words to templates."""
    app.jinja_env.globals.update(
        event_name=words_operator.event_name,
        figure_name=words_operator.figure_name,
        figure_value=words_operator.figure_value,
        kind_name=kind_name,
        last_word=words_operator.last_word,
        operator_result=words_fiscal.operator_result,
        payment_name=payment_name,
        quarantine_reason=quarantine_reason,
        remark=remark,
        role_name=role_name,
        theme_name=theme_name,
    )


def sentence(code: str, facts: Mapping[str, object]) -> str:
    """What is refused and why; a code without words of its own gives the general sentence."""
    words, _next = REFUSALS.get(code) or REFUSALS["refused"]
    if facts.get("line") == 0:
        words = words_fiscal.OF_RECEIPT.get(code, words)
    return _fill(words, words_fiscal.name_facts(code, facts))


def next_step(code: str, facts: Mapping[str, object]) -> str:
    """What the reader can do about a refusal; empty when there is nothing."""
    _words, step = REFUSALS.get(code) or REFUSALS["refused"]
    return _fill(step, facts)


def remark(code: str, facts: Mapping[str, object]) -> str:
    """What rule a stored document breaks."""
    words = REMARKS.get(code)
    return code if words is None else _fill(words, facts)


def quarantine_reason(code: str, facts: Mapping[str, object]) -> str:
    """Why a document could not be taken in."""
    words = QUARANTINE.get(code)
    return code if words is None else _fill(words, facts)


def kind_name(kind: int | str) -> str:
    """The name of a kind of document, by its stored number or its travelling name."""
    return str(KINDS[KIND_BY_NAME[kind] if isinstance(kind, str) else Kind(kind)])


def payment_name(payment: str) -> str:
    """The name of a type of payment."""
    return str(PAYMENTS[payment])


def role_name(role: str) -> str:
    """The name of a role."""
    return str(ROLES[role])


def theme_name(theme: str) -> str:
    """The name of a theme."""
    return str(THEMES[theme])


def _fill(words: LazyString | str, facts: Mapping[str, object]) -> str:
    shown: defaultdict[str, str] = defaultdict(lambda: formats.ABSENT)
    shown.update({name: _shown(name, value) for name, value in facts.items()})
    return str(words) % shown


def _shown(name: str, value: object) -> str:
    if value is None:
        return formats.ABSENT
    if name == "kind" and isinstance(value, str) and value in KIND_BY_NAME:
        return kind_name(value)
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int) and name.endswith("_minor"):
        return formats.amount(value)
    if isinstance(value, int) and name.endswith("_milli"):
        return formats.quantity(value)
    if isinstance(value, int) and name == "rate":
        return formats.rate(value)
    if name.endswith("_at"):
        return _shown_moment(value)
    return str(value)


def _shown_moment(value: object) -> str:
    """A moment, or the text that JSON kept of one. No point is at hand to name a zone, so UTC says so."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    return f"{formats.moment(value)}{formats.SPACE}UTC" if isinstance(value, datetime) else str(value)
