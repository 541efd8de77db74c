"""Every no becomes an answer: a page for a person, a problem in JSON for a program.

A refusal is expected and is told in the reader's language. Anything else is a mistake of ours: it is logged
with the request's id and answered with 500, which shows that id and nothing else.
"""

import logging

import orjson
from flask import Flask, Response, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from portal.primitives.refusals import NotFound, Refusal
from portal.web import words
from portal.web.pages import private, wants_block
from portal.web.security import logged_path, request_id

log = logging.getLogger("kassa.web")

PROBLEM = "application/problem+json"
PROGRAM_PATHS = ("/ingest/", "/api/", "/health")

# What werkzeug and Flask refuse by themselves, by the status they give.
CODES = {
    400: "bad_request",
    401: "not_signed_in",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "too_slow",
    411: "length_required",
    413: "too_large",
    414: "too_large",
    415: "unsupported_media_type",
    429: "too_fast",
    431: "too_large",
}


def init_app(app: Flask) -> None:
    """Answer every exception that leaves a view."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _refused_by_http)
    app.register_error_handler(DataError, _unusable)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(away, _unavailable)
    app.register_error_handler(Exception, _broken)


def refusal_answer(code: str, status: int, facts: dict[str, object]) -> Response:
    """Answer with one refusal, in the form its reader understands."""
    if wants_problem():
        return _problem(code, status, facts)
    return _refusal_page(code, status, facts)


def wants_problem() -> bool:
    """Whether the reader is a program."""
    if request.path.startswith(PROGRAM_PATHS):
        return True
    accept = request.accept_mimetypes
    return accept["application/json"] > accept["text/html"]


def _problem(code: str, status: int, facts: dict[str, object]) -> Response:
    body = {
        "code": code,
        "message": words.sentence(code, facts),
        "facts": facts,
        "request_id": request_id(),
    }
    content = orjson.dumps(
        body, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS
    )
    response = make_response(content, status, {"Content-Type": PROBLEM})
    return _with_hints(response, status, facts)


def _refusal_page(code: str, status: int, facts: dict[str, object]) -> Response:
    context = {
        "status": status,
        "code": code,
        "facts": facts,
        "sentence": words.sentence(code, facts),
        "next_step": words.next_step(code, facts),
        "request_id": request_id(),
    }
    template = "errors/_refusal.html" if wants_block() else "errors/refusal.html"
    body = render_template(template, **context)
    return _with_hints(private(make_response(body, status)), status, facts)


def _with_hints(response: Response, status: int, facts: dict[str, object]) -> Response:
    if "retry_after_s" in facts:
        response.headers["Retry-After"] = str(facts["retry_after_s"])
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _refused(refusal: Refusal) -> Response:
    return refusal_answer(refusal.code, refusal.status, refusal.facts)


def _refused_by_http(error: HTTPException) -> Response:
    if error.response is not None:
        # An answer somebody made on purpose and threw: a redirect, for example.
        return make_response(error.get_response())
    status = error.code or 500
    if isinstance(error, CSRFError):
        return refusal_answer("stale_form", 400, {})
    if status < 400:
        return make_response(error.get_response())
    answer = refusal_answer(CODES.get(status, "broken" if status >= 500 else "bad_request"), status, {})
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = value
    return answer


def _unusable(error: DataError) -> Response:
    """A value passed our checks and the database could not hold it: the address leads nowhere."""
    log.warning("event=value_unusable path=%s request=%s error=%s", logged_path(), request_id(), error.orig)
    return refusal_answer(NotFound.code, NotFound.status, {})


def _unavailable(error: Exception) -> Response:
    g.nobody = True
    log.error(
        "event=database_away path=%s request=%s error=%s", logged_path(), request_id(), type(error).__name__
    )
    return refusal_answer("unavailable", 503, {"retry_after_s": 5})


def _broken(error: Exception) -> Response:
    # Whoever is signed in is not asked for again: asking may be what broke.
    g.nobody = True
    log.error("event=broken path=%s request=%s", logged_path(), request_id(), exc_info=error)
    return refusal_answer("broken", 500, {})
