"""The operator's page: what it has received, and how it is to misbehave. For people, and as JSON for tests and programs.

    GET  /                                    registers and mischief
    GET  /registers/kz/203605                 one register: counters, last documents        (… .json)
    GET  /registers/kz/203605/documents.json  ?limit=100&accepted=1                          what was received, oldest first
    GET  /documents/17                        one document in full                           (… .json)
    GET  /registers.json  /mischief.json
    POST /mischief                            {kind, on, share, times, for_s, seconds, device}; without `on`, off; without a kind, all off
    POST /registers                           {device, token, rnm, …} puts a register on record: the arguments of OperatorServer.register
    POST /registers/kz/203605/token           {token}
    POST /registers/kz/203605/block           {is_blocked}

It listens on the loopback alone unless told otherwise, answers only to names of the address it listens on (so that no foreign name can be
pointed at it), and does what it is told only with the operator's key: in the field `key` of its own forms or in the header
`X-Operator-Key`, from no other origin than its own. Tokens of registers are shown to those with the key alone.
"""

import hmac
import json
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from portal.ofd.simulator import show
from portal.ofd.simulator.account import Account, Opening
from portal.ofd.simulator.book import PAGE_MAX, Row
from portal.ofd.simulator.office import NotOnRecord
from portal.ofd.simulator.server import OperatorServer

BODY_BYTES_MAX: Final = 1024 * 1024
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_log = logging.getLogger(__name__)


class _No(Exception):
    """What was asked cannot be had."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Page:
    """The HTTP server of one operator, in threads of its own. `key` lets its holder change things."""

    def __init__(self, operator: OperatorServer, *, key: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.operator = operator
        self.key = key
        self.host = host

        class Handler(_Handler):
            page = self

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="operator-page", daemon=True)

    @property
    def url(self) -> str:
        """Where people find it."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def names(self) -> set[str]:
        """What a caller may call us."""
        names = {*LOOPBACK, self.host} if self.host in LOOPBACK else {self.host}
        return {f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}" for name in names}


class _Handler(BaseHTTPRequestHandler):
    page: Page
    protocol_version = "HTTP/1.1"
    server_version = "operator"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """Show something."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Do something."""
        self._answer(self._post)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the name that the base class gives it
        """The page keeps no log of its visitors."""

    # What is asked

    def _get(self) -> None:
        operator, path = self.page.operator, urlsplit(self.path)
        parts = [unquote(part) for part in path.path.split("/") if part]
        match parts:
            case []:
                mischief = operator.mischief
                self._html(show.home(operator.accounts(), mischief.rules(), mischief.counts(), self.page.key))
            case ["style.css"]:
                self._send(HTTPStatus.OK, show.STYLE.encode(), "text/css; charset=utf-8")
            case ["registers.json"]:
                self._json(
                    [_state(operator, account, has_key=self._has_key()) for account in operator.accounts()]
                )
            case ["mischief.json"]:
                self._json({"rules": operator.mischief.rules(), "counts": operator.mischief.counts()})
            case ["registers", country, device, "documents.json"]:
                asked = parse_qs(path.query)
                rows = operator.documents(
                    device,
                    country=country,
                    only_accepted="accepted" in asked,
                    limit=_whole(asked.get("limit", ["100"])[0], PAGE_MAX),
                )
                self._json([_brief(row) for row in rows])
            case ["registers", country, device] if device.endswith(".json"):
                account = operator.account(device.removesuffix(".json"), country=country)
                self._json(_state(operator, account, has_key=self._has_key()))
            case ["registers", country, device]:
                account = operator.account(device, country=country)
                rows = operator.documents(device, country=country, limit=50)
                self._html(show.register(account, operator.counters(device, country=country), rows))
            case ["documents", place] if place.endswith(".json"):
                self._json(show.whole(self._row(place.removesuffix(".json"))))
            case ["documents", place]:
                self._html(show.document(self._row(place)))
            case _:
                raise _No(HTTPStatus.NOT_FOUND, "Такой страницы нет")

    def _post(self) -> None:
        said = self._read()
        parts = [unquote(part) for part in urlsplit(self.path).path.split("/") if part]
        operator = self.page.operator
        match parts:
            case ["mischief"]:
                _switch(operator, said)
            case ["registers"]:
                opening = said.pop("opening", None)
                operator.register(
                    **said,
                    opening=None if opening is None else msgspec.convert(opening, Opening, strict=False),
                )
            case ["registers", country, device, "token"]:
                operator.reset_token(device, int(said["token"]), country=country)
            case ["registers", country, device, "block"]:
                is_blocked = str(said.get("is_blocked", "")).lower() in {"1", "true", "on"}
                operator.block(device, is_blocked=is_blocked, country=country)
            case _:
                raise _No(HTTPStatus.NOT_FOUND, "Такой страницы нет")
        if self._is_form():
            self._send(HTTPStatus.SEE_OTHER, b"", "text/plain", location="/")
        else:
            self._json({"done": True})

    def _row(self, place: str) -> Row:
        row = self.page.operator.document(_whole(place, 2**62))
        if row is None:
            raise _No(HTTPStatus.NOT_FOUND, "Такого документа нет")
        return row

    # Who asks

    def _check_caller(self) -> None:
        host = self.headers.get("Host", "")
        if self.page.host not in {"0.0.0.0", "::"} and host not in self.page.names():  # noqa: S104 — compared, not bound
            raise _No(HTTPStatus.FORBIDDEN, "Этот адрес здесь не обслуживается")
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            raise _No(HTTPStatus.FORBIDDEN, "Запрос с чужой страницы")

    def _has_key(self) -> bool:
        return hmac.compare_digest(self.headers.get("X-Operator-Key", "").encode(), self.page.key.encode())

    def _is_form(self) -> bool:
        return self.headers.get_content_type() == "application/x-www-form-urlencoded"

    def _read(self) -> dict[str, Any]:
        size = _whole(self.headers.get("Content-Length", ""), BODY_BYTES_MAX)
        raw = self.rfile.read(size)
        if self._is_form():
            try:
                fields = parse_qs(raw.decode(), max_num_fields=50)
            except (UnicodeDecodeError, ValueError):
                raise _No(HTTPStatus.BAD_REQUEST, "Форма не читается") from None
            said: dict[str, Any] = {name: values[-1] for name, values in fields.items()}
            is_ours = hmac.compare_digest(str(said.pop("key", "")).encode(), self.page.key.encode())
        else:
            is_ours = self._has_key()
            try:
                said = json.loads(raw or b"{}")
            except ValueError:
                raise _No(HTTPStatus.BAD_REQUEST, "JSON не читается") from None
        if not is_ours:
            raise _No(HTTPStatus.FORBIDDEN, "Нужен ключ оператора")
        if not isinstance(said, dict):
            raise _No(HTTPStatus.BAD_REQUEST, "Нужен объект JSON")
        return said

    # What is answered

    def _answer(self, what: Callable[[], None]) -> None:
        try:
            self._check_caller()
            what()
        except _No as no:
            self._html(show.trouble(no.status, no.why), no.status)
        except NotOnRecord:
            self._html(show.trouble(404, "Такой кассы на учёте нет"), HTTPStatus.NOT_FOUND)
        except (ValueError, TypeError, KeyError, msgspec.ValidationError) as error:
            self._html(show.trouble(422, f"Так нельзя: {error}"), HTTPStatus.UNPROCESSABLE_ENTITY)
        except ConnectionError:
            self.close_connection = True
        except Exception:  # noqa: BLE001 — one visit that breaks something must not end the operator
            _log.exception("a page could not be shown")
            self._html(show.trouble(500, "Внутренняя ошибка"), HTTPStatus.INTERNAL_SERVER_ERROR)

    def _html(self, text: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, text.encode(), "text/html; charset=utf-8")

    def _json(self, value: object) -> None:
        self._send(HTTPStatus.OK, msgspec.json.encode(value), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str, location: str | None = None) -> None:
        if status >= HTTPStatus.BAD_REQUEST:
            # What is left of a body that was not read must not be taken for the next request.
            self.close_connection = True
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if location is not None:
            self.send_header("Location", location)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _whole(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:20]) > most:
        raise _No(HTTPStatus.BAD_REQUEST, "Не то число")
    return int(text)


def _switch(operator: OperatorServer, said: dict[str, Any]) -> None:
    kind = said.get("kind") or None
    if not said.get("on"):
        operator.mischief.switch_off(kind)
        return
    if kind is None:
        raise ValueError("не сказано, как шалить")

    def number(name: str) -> float | None:
        value = said.get(name)
        return None if value in {None, ""} else float(str(value).replace(",", "."))

    times, share = number("times"), number("share")
    operator.mischief.switch_on(
        kind,
        1.0 if share is None else share,
        times=None if times is None else int(times),
        for_s=number("for_s"),
        seconds=number("seconds"),
        device=said.get("device") or None,
    )


def _state(operator: OperatorServer, account: Account, *, has_key: bool) -> dict[str, object]:
    country, _, device = account.key.partition("/")
    state: dict[str, object] = {
        "cash_minor": account.cash_minor,
        "counters": operator.counters(device, country=country),
        "country": country,
        "device": device,
        "facts": account.facts,
        "is_blocked": account.is_blocked,
        "is_open": account.is_open,
        "last_at": account.last_at,
        "number": account.number,
        "shift": account.shift,
    }
    if country == "kz":
        state["figures"] = operator.figures(device)
    if has_key:
        state["token"] = account.token
    return state


def _brief(row: Row) -> dict[str, object]:
    report = row.report
    return {
        **{
            name: value
            for name, value in msgspec.structs.asdict(row).items()
            if name not in {"answer", "report", "request"}
        },
        "report": None if report is None else msgspec.Raw(report),
    }
