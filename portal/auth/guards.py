"""Who may open a view. Every view carries exactly one of `may`, `signed_in` and `anyone`.

A stranger is sent to the sign-in page and comes back afterwards; somebody without a company chosen is sent to
choose one; somebody without the right is refused.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, g, make_response, request, url_for
from flask_login import LoginManager, current_user

from portal.auth import actions
from portal.auth.queries import SignedIn, find_signed_in
from portal.db import transaction
from portal.orgs.access import PERMISSIONS
from portal.primitives import clock
from portal.primitives.refusals import NotAllowed
from portal.web import i18n
from portal.web.pages import go, private

Args = ParamSpec("Args")
Guarded = TypeVar("Guarded", bound=Callable[..., Any])

ANYONE = "anyone"
SIGNED_IN = "signed_in"
MARK = "kassa_permission"

# Where somebody without a wish begins: the first page of the navigation that their role opens.
FIRST_PAGES = (("home.read", "/"), ("journal.read", "/documents/"))


def init_app(app: Flask) -> None:
    """Know the person behind a cookie, and let templates ask who that is and what they may do."""
    manager = LoginManager(app)
    # Our own table of sessions says what is alive; flask-login only carries the token.
    manager.session_protection = None
    manager.user_loader(_load)
    app.jinja_env.globals.update(current=current_or_none, may=reader_may)


def current() -> SignedIn:
    """Who is asking; only views behind `may` and `signed_in` have somebody."""
    return cast("SignedIn", current_user._get_current_object())


def current_or_none() -> SignedIn | None:
    """Who is asking, or None for a stranger."""
    return current() if current_user.is_authenticated else None


def reader_may(permission: str) -> bool:
    """Whether the reader of this page may do this; a stranger may nothing."""
    reader = current_or_none()
    return reader is not None and reader.may(permission)


def first_page(reader: SignedIn) -> str:
    """The address of the first page that the reader may open."""
    return next(address for permission, address in FIRST_PAGES if reader.may(permission))


def may(permission: str) -> Callable[[Callable[Args, Any]], Callable[Args, Any]]:
    """Open a view to signed-in people whose role carries the permission."""
    if permission not in PERMISSIONS:
        raise LookupError(f"no such permission: {permission}")

    def decorate(view: Callable[Args, Any]) -> Callable[Args, Any]:
        @wraps(view)
        def guarded(*args: Args.args, **kwargs: Args.kwargs) -> Any:
            reader = current_or_none()
            if reader is None:
                return _to_sign_in()
            if reader.seat is None:
                return go(url_for("auth.company", next=_address_to_return_to()))
            if not reader.may(permission):
                raise NotAllowed(permission=permission)
            return view(*args, **kwargs)

        setattr(guarded, MARK, permission)
        return guarded

    return decorate


def signed_in(view: Callable[Args, Any]) -> Callable[Args, Any]:
    """Open a view to everybody who is signed in, with or without a company chosen."""

    @wraps(view)
    def guarded(*args: Args.args, **kwargs: Args.kwargs) -> Any:
        return _to_sign_in() if current_or_none() is None else view(*args, **kwargs)

    setattr(guarded, MARK, SIGNED_IN)
    return guarded


def anyone(view: Guarded) -> Guarded:
    """Open a view to strangers too."""
    setattr(view, MARK, ANYONE)
    return view


def _load(token: str) -> SignedIn | None:
    if g.get("nobody"):
        return None
    now = clock.now()
    with transaction() as session:
        reader = find_signed_in(session, token, at=now)
        if reader is None:
            return None
        if not _refreshes_itself():
            actions.note_seen(session, reader, at=now)
    i18n.prefer(reader.person.language, reader.person.theme)
    return reader


def _refreshes_itself() -> bool:
    """Whether a page asks for news by itself; its questions carry the version it shows."""
    return "v" in request.args


def _to_sign_in() -> Response:
    address = url_for("auth.sign_in", next=_address_to_return_to())
    if request.headers.get("HX-Request"):
        # A redirect would be followed silently and put the sign-in page into a block.
        return private(make_response("", 401, {"HX-Redirect": address}))
    return go(address)


def _address_to_return_to() -> str | None:
    if request.headers.get("HX-Request"):
        parts = urlsplit(request.headers.get("HX-Current-URL", ""))
        return f"{parts.path}?{parts.query}" if parts.query else parts.path or None
    if request.method != "GET" or request.full_path == "/?":
        return None
    return request.full_path.rstrip("?")
