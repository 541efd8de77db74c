"""One address, one template: the whole page for a browser, one block of it for HTMX."""

from flask import Flask, Response, current_app, make_response, render_template
from htmx_flask import request
from jinja2_fragments.flask import render_block


def init_app(app: Flask) -> None:
    """Let templates ask where they are, and which pages there are to go to."""
    app.jinja_env.globals.update(has_page=has_page, here=here)


def page(template: str, *, block: str | None = None, status: int = 200, **context: object) -> Response:
    """Render a page; a request that HTMX made gets only `block`, when the view names one.

    A page is somebody's own: no cache keeps it, and a cache that would must tell the two forms apart.
    """
    if block is not None and wants_block():
        body = render_block(template, block, **context)
    else:
        body = render_template(template, **context)
    return private(make_response(body, status))


def wants_block() -> bool:
    """Whether HTMX asks for a part of the page, rather than a browser (or its history) for the whole."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def private(response: Response) -> Response:
    """Keep an answer out of every cache."""
    response.vary.add("HX-Request")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def unchanged() -> Response:
    """Tell a page that refreshes itself that nothing is new."""
    return private(make_response("", 204))


def go(address: str) -> Response:
    """Send the reader to another page; HTMX is told to load it whole instead of swapping it into a block."""
    if request.htmx:
        return private(make_response("", 204, {"HX-Redirect": address}))
    return private(make_response("", 303, {"Location": address}))


def here() -> str:
    """The address of this page, to come back to after a form; a form's own address cannot be gone back to."""
    return request.full_path.rstrip("?") if request.method == "GET" else "/"


def has_page(endpoint: str) -> bool:
    """Whether the portal has this page, so that no link leads nowhere."""
    return endpoint in current_app.view_functions
