"""The operator's pages as text. Every value that comes from outside goes through `_text`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final
from urllib.parse import quote

import msgspec
from google.protobuf.json_format import MessageToDict

from portal.fiscal.dialects import dialect_of
from portal.fiscal.documents import ShiftReport
from portal.ofd.simulator.account import Account
from portal.ofd.simulator.book import Row
from portal.ofd.simulator.mischief import DRAWN, Kind, Rule
from portal.ofd.simulator.office import KAZAKHSTAN
from portal.ofd.wire import v203_pb2 as pb
from portal.primitives.period import zone_of

OPERATIONS: Final = {
    "sale": "Продажа",
    "sale_refund": "Возврат продажи",
    "purchase": "Покупка",
    "purchase_refund": "Возврат покупки",
    "annulment": "Аннулирование",
    "cash_in": "Внесение",
    "cash_out": "Изъятие",
    "shift_opened": "Открытие смены",
    "x_report": "X-отчёт",
    "z_report": "Z-отчёт",
    "z_report_again": "Z-отчёт ещё раз",
}
COMMANDS: Final = {
    "ticket": "Чек",
    "close_shift": "Закрытие смены",
    "report": "Отчёт",
    "money_placement": "Движение наличных",
    "document": "Документ",
}
MISCHIEF: Final = {
    Kind.SILENT: "Молчит",
    Kind.SLOW: "Отвечает поздно",
    Kind.HALF: "Обрывает ответ на половине",
    Kind.BAD_TOKEN: "Отвечает «неверный токен»",
    Kind.ODD_TOKEN: "Даёт не тот токен",
    Kind.CODE_11: "Код 11: смена длиннее суток",
    Kind.CODE_14: "Код 14: мало наличных",
    Kind.CODE_15: "Код 15: касса заблокирована",
    Kind.CODE_254: "Код 254: временно недоступен",
    Kind.CODE_255: "Код 255: неизвестная ошибка",
    Kind.LOST: "Принимает и не отвечает",
    Kind.TWICE: "Отвечает дважды",
    Kind.RESET: "Сбрасывает соединение",
    Kind.SKEW: "Спешат часы",
}

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2430; --pale: #5b6573; --line: #d9dee6; --paper: #fff; --ground: #f4f6f9;
  --press: #1f5fbf; --good: #1b7a43; --bad: #b3261e; --warn: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ef; --pale: #9aa5b4; --line: #333c49; --paper: #1a2029;
  --ground: #12161c; --press: #7fb0ff; --good: #6fd19a; --bad: #ff9a90; --warn: #e6b450; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
header, main { max-width: 1100px; margin: 0 auto; padding: 12px 16px; }
h1 { font-size: 20px; margin: 8px 0; } h2 { font-size: 16px; margin: 20px 0 8px; }
a { color: var(--press); } a:focus-visible, button:focus-visible, input:focus-visible { outline: 2px solid var(--press); outline-offset: 2px; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; margin: 0 0 12px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-top: 1px solid var(--line); vertical-align: top; }
th { color: var(--pale); font-weight: 400; font-size: 14px; } thead th { border-top: 0; }
td.sum, th.sum { text-align: right; white-space: nowrap; }
.pale { color: var(--pale); } .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 0; } dt { color: var(--pale); } dd { margin: 0; overflow-wrap: anywhere; }
pre { overflow-x: auto; font-size: 13px; background: var(--ground); padding: 8px; border-radius: 6px; }
form { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: end; margin: 0; } form + form { margin-top: 12px; } form .warn { align-self: center; }
label { display: grid; font-size: 14px; color: var(--pale); gap: 2px; }
input, select, button { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 6px;
  padding: 8px; min-height: 44px; max-width: 100%; }
input { width: 110px; } button { color: var(--press); cursor: pointer; }
@media (max-width: 640px) {
  .cards thead { display: none; } .cards tr { display: block; border-top: 1px solid var(--line); padding: 6px 0; }
  .cards td { display: flex; justify-content: space-between; gap: 16px; border: 0; padding: 2px 0; text-align: right; overflow-wrap: anywhere; min-width: 0; }
  .cards td::before { content: attr(data-name); color: var(--pale); text-align: left; overflow-wrap: normal; flex: none; max-width: 45%; }
  dl { grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); } input, select, button, label { width: 100%; }
}
"""


def _text(value: object) -> str:
    return escape("—" if value is None or value == "" else str(value))


def _address(key: str) -> str:
    return escape(quote(key))


def _money(minor: int | None) -> str:
    if minor is None:
        return "—"
    sign = "−" if minor < 0 else ""
    whole, rest = divmod(abs(minor), 100)
    return f"{sign}{whole:,}".replace(",", "\u202f") + f",{rest:02d}"


def _moment(at: datetime | None, key: str) -> str:
    """A moment on the clocks of the register's country."""
    if at is None:
        return "—"
    zone = zone_of(dialect_of(key.partition("/")[0]).zone)
    return f"{at.astimezone(zone):%d.%m.%Y %H:%M:%S}"


def _frame(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="ru"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{_text(title)}</title><link rel="stylesheet" href="/style.css"></head><body>'
        f'<header><a href="/">Оператор фискальных данных</a><h1>{_text(title)}</h1></header><main>{body}</main></body></html>'
    )


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], *, sums: frozenset[int] = frozenset()) -> str:
    """A table of cells that are HTML already; on a narrow screen every row becomes a card."""
    head = "".join(
        f"<th{' class=sum' if place in sums else ''}>{_text(name)}</th>" for place, name in enumerate(names)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td{" class=sum" if place in sums else ""} data-name="{_text(names[place])}"><span>{cell}</span></td>'
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table class="cards"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _facts(pairs: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{value}</dd>" for name, value in pairs) + "</dl>"


def home(accounts: Sequence[Account], rules: Sequence[Rule], counts: Mapping[str, int], key: str) -> str:
    """Registers on record, and how the operator misbehaves."""
    if not accounts:
        table = "<p>На учёте нет ни одной кассы. Как только портал подключит кассу, она появится здесь.</p>"
    else:
        table = _table(
            ("Касса", "Организация", "РНМ", "Смена", "Последний документ", "В кассе"),
            (_register_row(account) for account in accounts),
            sums=frozenset({5}),
        )
    return _frame(
        "Кассы на учёте",
        f'<section class="card">{table}</section><h2>Учебные сбои</h2><section class="card">{_mischief(rules, counts, key)}</section>',
    )


def _register_row(account: Account) -> tuple[str, ...]:
    country, _, device = account.key.partition("/")
    state = '<span class="good">открыта</span>' if account.is_open else '<span class="pale">закрыта</span>'
    blocked = ' <span class="bad">заблокирована</span>' if account.is_blocked else ""
    name = f'<a href="/registers/{_address(account.key)}">{_text(device)}</a>'
    place = f'<span class="pale">{"Казахстан" if country == KAZAKHSTAN else "Беларусь"}</span>'
    return (
        f"{name} {place}{blocked}",
        _text(account.facts.title),
        _text(account.facts.rnm),
        f"{account.shift} {state}" if account.shift else "—",
        f"№ {account.number}, {_moment(account.last_at, account.key)}" if account.number else "—",
        _money(account.cash_minor),
    )


def _mischief(rules: Sequence[Rule], counts: Mapping[str, int], key: str) -> str:
    parts = [f"<p>Запросов с запуска: {counts['requests']}.</p>"]
    done = [f"{_text(MISCHIEF[kind])} — {counts[kind]}" for kind in DRAWN if counts[kind]]
    if done:
        parts.append(f'<p class="pale">Было: {"; ".join(done)}.</p>')
    for rule in rules:
        details = [f"доля {_decimal(rule.share)}"]
        details += [f"ещё раз: {rule.times}"] if rule.times is not None else []
        details += [f"{_decimal(rule.seconds)} с"] if rule.seconds is not None else []
        details += [f"касса {rule.device}"] if rule.device is not None else []
        parts.append(
            f'<form method="post" action="/mischief">{_hidden("key", key)}{_hidden("kind", rule.kind)}'
            f'<span class="warn">{_text(MISCHIEF[rule.kind])}: {_text(", ".join(details))}</span>'
            "<button>Выключить</button></form>"
        )
    if not rules:
        parts.append("<p>Оператор ведёт себя как следует.</p>")
    options = "".join(f'<option value="{kind}">{_text(name)}</option>' for kind, name in MISCHIEF.items())
    parts.append(
        f'<form method="post" action="/mischief">{_hidden("key", key)}{_hidden("on", "1")}'
        f'<label>Как<select name="kind">{options}</select></label>'
        '<label>Доля запросов<input name="share" value="1" inputmode="decimal"></label>'
        '<label>Не больше раз<input name="times" inputmode="numeric"></label>'
        '<label>В течение, с<input name="for_s" inputmode="decimal"></label>'
        '<label>На сколько секунд<input name="seconds" inputmode="decimal"></label>'
        '<label>Только касса<input name="device"></label><button>Включить</button></form>'
    )
    return "".join(parts)


def _decimal(value: float) -> str:
    return f"{value:g}".replace(".", ",")


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{_text(value)}">'


def register(account: Account, counters: ShiftReport, rows: Sequence[Row]) -> str:
    """One register: who it is, what the operator counted, what it received last."""
    facts = account.facts
    state = "открыта" if account.is_open else "закрыта"
    about = _facts(
        (
            ("Организация", _text(facts.title)),
            ("ИИН/БИН, УНП", _text(facts.tax_id)),
            ("Адрес", _text(facts.address)),
            ("РНМ", _text(facts.rnm)),
            ("ЗНМ", _text(facts.znm)),
            (
                "Смена",
                f"{account.shift}, {state}, с {_moment(account.opened_at, account.key)}"
                if account.shift
                else "—",
            ),
            ("В кассе", _money(account.cash_minor)),
            ("Выручка смены", _money(counters.revenue_minor)),
            ("Внесено", f"{_money(counters.cash_in.sum_minor)} ({counters.cash_in.count})"),
            ("Изъято", f"{_money(counters.cash_out.sum_minor)} ({counters.cash_out.count})"),
            ("Состояние", '<span class="bad">заблокирована</span>' if account.is_blocked else "работает"),
        )
    )
    operations = _table(
        ("Операция", "Чеков", "Автономных", "Сумма", "НДС", "Наличные", "Карта", "Необнуляемая"),
        (
            (
                _text(OPERATIONS[one.operation]),
                f"{one.count}",
                f"{one.offline_count}",
                _money(one.sum_minor),
                _money(one.tax_minor),
                _money(one.cash_minor),
                _money(one.card_minor),
                _money(one.non_nullable_minor),
            )
            for one in counters.operations
        ),
        sums=frozenset(range(1, 8)),
    )
    received = _table(
        ("Принят", "Документ", "№", "Смена", "Сумма", "Признак", "Ответ"),
        (_document_row(row) for row in reversed(rows)),
        sums=frozenset({4}),
    )
    if not rows:
        received = "<p>От этой кассы ещё ничего не пришло.</p>"
    return _frame(
        f"Касса {account.key.partition('/')[2]}",
        f'<section class="card">{about}</section><h2>Счётчики оператора</h2><section class="card">{operations}</section>'
        f'<h2>Принятые документы</h2><section class="card">{received}</section>',
    )


def _name(row: Row) -> str:
    if row.command == "annulment":
        return OPERATIONS["annulment"]
    return OPERATIONS.get(row.operation or "", COMMANDS.get(row.command, row.command))


def _verdict(row: Row) -> str:
    if row.code:
        return f'<span class="bad">{row.code}: {_text(row.why)}</span>'
    return (
        '<span class="warn">принят автономным</span>'
        if row.is_offline
        else '<span class="good">принят</span>'
    )


def _document_row(row: Row) -> tuple[str, ...]:
    return (
        _moment(row.received_at, row.key),
        f'<a href="/documents/{row.place}">{_text(_name(row))}</a>',
        _text(row.number),
        _text(row.shift),
        _money(row.total_minor),
        _text(row.sign or row.offline_sign),
        _verdict(row),
    )


def whole(row: Row) -> dict[str, Any]:
    """A document with its messages taken apart, for JSON and for the page."""
    plain = {
        name: value
        for name, value in msgspec.structs.asdict(row).items()
        if name not in {"answer", "report", "request"}
    }
    return {
        **plain,
        "report": None if row.report is None else msgspec.json.decode(row.report),
        "request": _message(row, pb.Request, row.request),
        "answer": _message(row, pb.Response, row.answer),
    }


def _message(row: Row, kind: type[pb.Request | pb.Response], raw: bytes) -> Any:
    if not raw:
        return None
    try:
        if row.key.startswith(f"{KAZAKHSTAN}/"):
            return MessageToDict(kind.FromString(raw), preserving_proto_field_name=True)
        return msgspec.json.decode(raw)
    except Exception:  # noqa: BLE001 — what could not be read is shown as the bytes that came
        return raw.hex()


def document(row: Row) -> str:
    """One document in full: what it is, its lines, and both messages."""
    parts = whole(row)
    about = _facts(
        (
            ("Касса", f'<a href="/registers/{_address(row.key)}">{_text(row.key.partition("/")[2])}</a>'),
            ("Документ", _text(_name(row))),
            ("Номер", _text(row.number)),
            ("Смена", _text(row.shift)),
            ("Выдан", _moment(row.issued_at, row.key)),
            ("Принят", _moment(row.received_at, row.key)),
            ("Итог", _money(row.total_minor)),
            ("Фискальный признак", _text(row.sign)),
            ("Автономный признак", _text(row.offline_sign)),
            ("Ответ", _verdict(row)),
        )
    )
    lines = _lines(parts["request"]) if isinstance(parts["request"], dict) else ""
    messages = "".join(
        f"<h2>{name}</h2><section class=card><pre>{_text(_pretty(parts[part]))}</pre></section>"
        for name, part in (("Запрос", "request"), ("Ответ", "answer"), ("Отчёт оператора", "report"))
        if parts[part] is not None
    )
    return _frame(
        f"{_name(row)} № {row.number or '—'}", f'<section class="card">{about}</section>{lines}{messages}'
    )


def _lines(request: Mapping[str, Any]) -> str:
    """The positions of a receipt of either country."""
    found: list[tuple[str, str, str, str]] = []
    for item in request.get("ticket", {}).get("items", ()):
        goods = item.get("commodity") or item.get("storno_commodity")
        if goods:
            name = goods.get("name", "") + ("" if "commodity" in item else " (сторно)")
            found.append(
                (
                    _text(name),
                    _milli(goods["quantity"]),
                    _money(_sum(goods["price"])),
                    _money(_sum(goods["sum"])),
                )
            )
            continue
        change: Mapping[str, Any] = next((value for key, value in item.items() if key != "type"), {})
        found.append((_text(change.get("name")), "", "", _money(_sum(change.get("sum", {})))))
    found += [
        (
            _text(line.get("name")),
            _milli(line.get("quantity_milli", 0)),
            _money(line.get("price_minor", 0)),
            _money(line.get("sum_minor", 0)),
        )
        for line in request.get("lines", ())
    ]
    if not found:
        return ""
    table = _table(("Название", "Количество", "Цена", "Сумма"), found, sums=frozenset({1, 2, 3}))
    return f'<h2>Позиции</h2><section class="card">{table}</section>'


def _sum(money: Mapping[str, Any]) -> int:
    return int(money.get("bills", 0)) * 100 + int(money.get("coins", 0))


def _milli(quantity: object) -> str:
    whole_, rest = divmod(int(str(quantity)), 1000)
    return f"{whole_},{rest:03d}".rstrip("0").rstrip(",")


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def trouble(status: int, why: str) -> str:
    """A page that says no."""
    return _frame(f"{int(status)}", f'<section class="card"><p>{_text(why)}</p></section>')
