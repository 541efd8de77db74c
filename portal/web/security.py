"""What guards every answer and every request: security headers, request ids, cross-site and malformed requests.

Cookies carry `__Host-` and Secure when the portal is reached over TLS. A request that changes something must
come from our own pages: it carries a CSRF token, and a browser that says it comes from another site is refused.
Doors that know their caller by a bearer token (`exempt`) need neither, because a browser adds nothing to them.
"""

import re
import secrets
import sys
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app, g, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from portal.config import Settings
from portal.primitives.refusals import BadInput, Refusal

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    )
)

# Referrer-Policy stays same-origin: over TLS the CSRF check wants the Referer of our own pages.
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
FORM_BYTES_MAX = 1 << 20
PATH_LOGGED_MAX = 200
COOKIE_AGE_S = 365 * 24 * 3600
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

csrf = CSRFProtect()


class Id(IntegerConverter):
    """An id in an address: a whole number that the database could hold; any other address does not exist."""

    regex = "[1-9][0-9]{0,17}"


class CrossSite(Refusal):
    """A browser says that another site's page sent this request."""

    code = "cross_site"
    status = 403


def init_app(app: Flask, settings: Settings) -> None:
    """Set up cookies, CSRF protection, checks before and headers after every request."""
    prefix = "__Host-" if settings.secure else ""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME=f"{prefix}kassa",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=FORM_BYTES_MAX,
        # A form lives as long as the session that it was given to.
        WTF_CSRF_TIME_LIMIT=None,
        KASSA_SECURE=settings.secure,
        KASSA_OPEN=frozenset(),
    )
    if settings.secure:
        # TLS ends at the proxy before us: its word on scheme and address is the true one.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    app.url_map.converters["int"] = Id
    app.before_request(_name_request)
    app.before_request(_check_request)
    csrf.init_app(app)
    app.after_request(_protect)


def exempt(app: Flask, blueprint: Blueprint) -> None:
    """Let a blueprint be called by programs, which bring a bearer token and know no CSRF token."""
    csrf.exempt(blueprint)
    app.config["KASSA_OPEN"] = app.config["KASSA_OPEN"] | {blueprint.name}


def for_programs() -> bool:
    """Whether this request came to a door for programs rather than to a page."""
    return request.blueprint in current_app.config["KASSA_OPEN"]


def request_id() -> str:
    """The id of this request: the proxy's when it gave one, else our own."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    chosen: str = g.request_id
    return chosen


def logged_path() -> str:
    """The path of this request as a log may hold it: whatever it contains, it stays one word."""
    return quote(request.path[:PATH_LOGGED_MAX], safe="/")


def caller_address() -> str:
    """The network address that this request comes from."""
    return request.remote_addr or ""


def caller_network() -> str:
    """The address as limits count it: an IPv6 caller owns a whole /64."""
    try:
        address = ip_address(caller_address())
    except ValueError:
        return "unknown"
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def safe_next(address: str | None) -> str | None:
    """An address of our own site to go back to, or None when it leads anywhere else."""
    if not address or not address.startswith("/") or address.startswith("//") or len(address) > 2000:
        return None
    # Browsers read «\\» as «/» and drop tabs and line ends, so that «/\\evil» would leave the site.
    if "\\" in address or any(ord(character) < 32 for character in address):
        return None
    return address


def remember(response: Response, name: str, value: str) -> None:
    """Keep a stranger's choice (language, theme) in a cookie for a year."""
    response.set_cookie(
        name,
        value,
        max_age=COOKIE_AGE_S,
        httponly=True,
        samesite="Lax",
        secure=bool(current_app.config["KASSA_SECURE"]),
    )


def _name_request() -> None:
    request_id()


def _check_request() -> None:
    _refuse_nul(request.args.items(multi=True))
    if "\0" in request.path:
        raise BadInput(field="path", value="\\0")
    if for_programs():
        # A door for programs takes more than a form, and sets its own bounds; None would mean a form's.
        request.max_content_length = sys.maxsize
        return
    if request.method in SAFE_METHODS:
        return
    if request.headers.get("Sec-Fetch-Site") not in (None, "same-origin", "none"):
        raise CrossSite
    _refuse_nul(request.form.items(multi=True))


def _refuse_nul(fields: Iterable[tuple[str, str]]) -> None:
    """PostgreSQL keeps no NUL in a text; refused here once, so that no query ever meets one."""
    for field, value in fields:
        if "\0" in field or "\0" in value:
            raise BadInput(field=field.replace("\0", ""), value="\\0")


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["KASSA_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-ID"] = request_id()
    return response
