"""The door of the cabinet: signing in and out, choosing a company, language and theme."""

import logging
from dataclasses import asdict

from flask import Blueprint, Response, current_app, request, session, url_for
from flask_login import login_user, logout_user

from portal.auth import actions, attempts, totp
from portal.auth.forms import SignInForm
from portal.auth.guards import anyone, current, current_or_none, first_page, signed_in
from portal.auth.queries import SignedIn, find_signed_in
from portal.db import transaction
from portal.primitives import clock
from portal.primitives.refusals import BadInput, NotFound, Refusal
from portal.queue import redis_client
from portal.web import i18n, words
from portal.web.pages import go, page
from portal.web.security import caller_address, caller_network, remember, request_id, safe_next

log = logging.getLogger("kassa.auth")

blueprint = Blueprint("auth", __name__)


@blueprint.get("/sign-in")
@anyone
def sign_in() -> Response:
    """Show the sign-in form, or go on when somebody is signed in already."""
    reader = current_or_none()
    if reader is not None:
        return go(_onward(reader, request.args.get("next")))
    return _form(SignInForm("", "", ""), next_address=request.args.get("next"))


@blueprint.post("/sign-in")
@anyone
def enter() -> Response:
    """Sign in; whatever was wrong, the form comes back with the same words and keeps the login."""
    form = SignInForm.parse(request.form)
    next_address = request.form.get("next")
    try:
        entered = _sign_in(form)
    except Refusal as refusal:
        return _form(form, next_address=next_address, refusal=refusal)
    reader = _start_session(entered)
    answer = go(_onward(reader, next_address))
    remember(answer, "language", entered.language)
    remember(answer, "theme", entered.theme)
    return answer


def _sign_in(form: SignInForm) -> actions.Entered:
    at, network = clock.now(), caller_network()
    attempts.check(redis_client(), network, at=at)
    with transaction() as database:
        attempt = actions.begin_attempt(database, form.name, at=at)
    vault: totp.Vault = current_app.extensions["vault"]
    try:
        proof = actions.judge(attempt, form, vault, at=at)
        with transaction() as database:
            return actions.let_in(
                database,
                proof,
                at=at,
                address=caller_address(),
                agent=request.user_agent.string,
                request_id=request_id(),
            )
    except actions.WrongCredentials:
        attempts.note_failure(redis_client(), network, at=at)
        log.info("event=sign_in_refused address=%s request=%s", caller_address(), request_id())
        raise


def _start_session(entered: actions.Entered) -> SignedIn:
    """Leave the old session behind, its CSRF token included, and begin the new one."""
    now = clock.now()
    with transaction() as database:
        old_token = session.get("_user_id")
        if isinstance(old_token, str):
            actions.sign_out(database, old_token, at=now)
        reader = find_signed_in(database, entered.token, at=now)
    if reader is None:
        raise LookupError("a session opened a moment ago is not there")
    session.clear()
    login_user(reader)
    i18n.prefer(reader.person.language, reader.person.theme)
    log.info("event=signed_in person=%d request=%s", reader.person.id, request_id())
    return reader


def _form(form: SignInForm, *, next_address: str | None, refusal: Refusal | None = None) -> Response:
    answer = page(
        "auth/sign_in.html",
        block="form",
        status=200 if refusal is None else refusal.status,
        login=form.login,
        next=safe_next(next_address) or "",
        sentence=refusal and words.sentence(refusal.code, refusal.facts),
        next_step=refusal and words.next_step(refusal.code, refusal.facts),
    )
    if refusal is not None and "retry_after_s" in refusal.facts:
        answer.headers["Retry-After"] = str(refusal.facts["retry_after_s"])
    return answer


def _onward(reader: SignedIn, next_address: str | None) -> str:
    if reader.seat is None:
        return url_for("auth.company", next=safe_next(next_address))
    return safe_next(next_address) or first_page(reader)


@blueprint.post("/sign-out")
@signed_in
def sign_out() -> Response:
    """End the session here and in the table."""
    with transaction() as database:
        actions.sign_out(database, current().token, at=clock.now())
    logout_user()
    session.clear()
    return go(url_for("auth.sign_in"))


@blueprint.get("/company")
@signed_in
def company() -> Response:
    """Choose whose cabinet to enter."""
    reader = current()
    return page(
        "auth/company.html",
        organisations=[{**asdict(seat.company), "role": seat.role} for seat in reader.seats],
        next=safe_next(request.args.get("next")) or "",
    )


@blueprint.post("/company")
@signed_in
def choose_company() -> Response:
    """Enter the cabinet of one of one's organisations."""
    reader, now = current(), clock.now()
    organisation_id = request.form.get("organisation_id", type=int)
    if organisation_id is None:
        raise NotFound
    with transaction(None, reader.person.id) as database:
        actions.choose_company(
            database, reader, organisation_id, at=now, address=caller_address(), request_id=request_id()
        )
    with transaction() as database:
        placed = find_signed_in(database, reader.token, at=now)
    if placed is None:
        raise NotFound
    return go(_onward(placed, request.form.get("next")))


@blueprint.post("/language")
@anyone
def set_language() -> Response:
    """Read the portal in another language from now on."""
    language = request.form.get("language", "")
    if language not in i18n.LANGUAGES:
        raise BadInput(field="language", value=language[:20])
    reader = current_or_none()
    if reader is not None:
        with transaction(None, reader.person.id) as database:
            actions.set_language(database, reader.person.id, language)
    answer = _back()
    remember(answer, "language", language)
    return answer


@blueprint.post("/theme")
@anyone
def set_theme() -> Response:
    """Read the portal in another theme from now on."""
    theme = request.form.get("theme", "")
    if theme not in i18n.THEMES:
        raise BadInput(field="theme", value=theme[:20])
    reader = current_or_none()
    if reader is not None:
        with transaction(None, reader.person.id) as database:
            actions.set_theme(database, reader.person.id, theme)
    answer = _back()
    remember(answer, "theme", theme)
    return answer


def _back() -> Response:
    return go(safe_next(request.form.get("next")) or "/")
