"""Join the parts into one Flask application."""

import logging
import sys
import time

from flask import Flask, Response, g, make_response, request
from flask_compress import Compress
from htmx_flask import Htmx
from redis import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal import db, queue
from portal.analytics import views as analytics
from portal.api import ingest as ingest_api
from portal.auth import guards, totp
from portal.auth import views as auth
from portal.config import ROOT, Settings
from portal.ingest import views as ingest
from portal.journal import views as journal
from portal.ofd import views as ofd
from portal.web import assets, errors, formats, i18n, pages, security, words

log = logging.getLogger("kassa.web")


def create_app(settings: Settings) -> Flask:
    """Build the portal for these settings; nothing is connected to before the first request."""
    _log_to_stderr()
    app = Flask("portal", template_folder=str(ROOT / "templates"), static_folder=None)
    app.config["COMPRESS_MIMETYPES"] = ["text/html", "application/json", errors.PROBLEM]
    app.config["COMPRESS_ALGORITHM"] = ["br", "gzip"]
    app.config["COMPRESS_BR_LEVEL"] = 4
    app.config["COMPRESS_LEVEL"] = 6
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.extensions["settings"] = settings
    app.extensions["vault"] = totp.Vault(settings.secret_key)
    db.connect(settings)
    queue.connect(settings)

    app.before_request(_start_clock)
    app.after_request(_log_request)
    Compress(app)
    Htmx(app)
    i18n.init_app(app)
    formats.init_app(app)
    words.init_app(app)
    pages.init_app(app)
    assets.init_app(app)
    errors.init_app(app)
    security.init_app(app, settings)
    guards.init_app(app)

    for part in (auth, analytics, journal, ingest, ofd, ingest_api):
        app.register_blueprint(part.blueprint)
    security.exempt(app, ingest_api.blueprint)
    app.add_url_rule("/health", "health", health)
    return app


@guards.anyone
def health() -> Response:
    """Say whether this process reaches its database and its Redis; 503 when it does not."""
    states = {"database": _reaches_database(), "redis": _reaches_redis()}
    well = all(states.values())
    body = {
        "status": "ok" if well else "unwell",
        **{name: "ok" if state else "away" for name, state in states.items()},
    }
    return make_response(body, 200 if well else 503)


def _reaches_database() -> bool:
    try:
        with db.transaction() as session:
            return bool(session.scalar(text("select 1")))
    except SQLAlchemyError:
        return False


def _reaches_redis() -> bool:
    try:
        return bool(queue.redis_client().ping())
    except RedisError:
        return False


def _start_clock() -> None:
    g.started_s = time.perf_counter()


def _log_request(response: Response) -> Response:
    reader = g.get("_login_user")
    person = reader.person.id if reader is not None and reader.is_authenticated else "-"
    organisation = reader.seat.company.id if person != "-" and reader.seat is not None else "-"
    log.info(
        "event=request method=%s path=%s status=%d ms=%d person=%s organisation=%s request=%s",
        request.method,
        security.logged_path(),
        response.status_code,
        (time.perf_counter() - g.get("started_s", time.perf_counter())) * 1000,
        person,
        organisation,
        security.request_id(),
    )
    return response


def _log_to_stderr() -> None:
    """One event a line, to stderr; whoever runs the process decides where that goes."""
    root = logging.getLogger("kassa")
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
