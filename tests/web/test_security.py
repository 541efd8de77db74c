"""What guards every answer, and which requests are turned away before any view sees them."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.app import create_app
from portal.config import Settings
from portal.web import security
from tests import doorway

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sign-in"),
        ("POST", "/sign-in"),
        ("GET", "/"),
        ("GET", "/documents/"),
        ("GET", "/company"),
        ("GET", "/nowhere"),
        ("POST", "/health"),
        ("GET", "/health"),
        ("GET", "/ingest/v1/documents"),
        ("POST", "/ingest/v1/documents"),
        ("GET", "/static/portal.css"),
        ("GET", "/static/nowhere.css"),
        ("OPTIONS", "/sign-in"),
        ("HEAD", "/sign-in"),
    ],
)
def test_every_answer_is_guarded(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method)
    assert answer.headers["Content-Security-Policy"] == CSP
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/sign-in", "/company", "/nowhere", "/health"])
def test_no_cache_keeps_what_is_somebodys_own(client: FlaskClient, path: str) -> None:
    assert "no-store" in client.get(path).headers["Cache-Control"]


def test_a_page_and_its_block_are_told_apart(client: FlaskClient) -> None:
    assert "HX-Request" in client.get("/sign-in").headers["Vary"]


@pytest.mark.parametrize("packing", ["br", "gzip"])
def test_pages_travel_packed(client: FlaskClient, packing: str) -> None:
    plain = client.get("/sign-in")
    packed = client.get("/sign-in", headers={"Accept-Encoding": packing})
    assert packed.headers["Content-Encoding"] == packing
    assert len(packed.data) < len(plain.data) / 2
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_a_request_keeps_the_id_that_the_proxy_gave_it(client: FlaskClient) -> None:
    answer = client.get("/sign-in", headers={"X-Request-ID": "0123456789abcdef"})
    assert answer.headers["X-Request-ID"] == "0123456789abcdef"


@pytest.mark.parametrize(
    "given", ["short", "with space in it", "x" * 65, "<script>alert(1)</script>", "кириллица"]
)
def test_an_id_that_would_spoil_the_log_is_replaced(client: FlaskClient, given: str) -> None:
    made = client.get("/sign-in", headers={"X-Request-ID": given.encode().decode("latin-1")}).headers[
        "X-Request-ID"
    ]
    assert made != given
    assert len(made) == 16


# Forms.


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/company", "/language", "/theme"])
@pytest.mark.parametrize("token", [None, "", "made up", "x" * 5000])
def test_a_form_without_our_token_is_refused(client: FlaskClient, path: str, token: str | None) -> None:
    client.get("/sign-in")
    fields = {"language": "en", "theme": "dark"} | ({} if token is None else {"csrf_token": token})
    answer = client.post(path, data=fields)
    assert answer.status_code == 400
    assert "устарела" in answer.text
    assert client.get_cookie("language") is None


def test_a_token_of_somebody_else_is_refused(app: Flask) -> None:
    stranger = app.test_client()
    token = doorway.csrf_token(app.test_client())
    stranger.get("/sign-in")
    assert stranger.post("/language", data={"csrf_token": token, "language": "en"}).status_code == 400


def test_htmx_brings_the_token_in_a_header(client: FlaskClient) -> None:
    headers = {"X-CSRFToken": doorway.csrf_token(client), "HX-Request": "true"}
    answer = client.post("/language", data={"language": "en", "next": "/sign-in"}, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/sign-in"


@pytest.mark.parametrize(
    ("site", "status"),
    [(None, 303), ("same-origin", 303), ("none", 303), ("same-site", 403), ("cross-site", 403), ("odd", 403)],
)
def test_what_another_site_sends_is_refused(client: FlaskClient, site: str | None, status: int) -> None:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    data = {"csrf_token": doorway.csrf_token(client), "language": "en"}
    assert client.post("/language", data=data, headers=headers).status_code == status


def test_a_link_from_another_site_opens(client: FlaskClient) -> None:
    assert client.get("/sign-in", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


# Behind TLS.


@pytest.fixture
def secure(settings: Settings) -> FlaskClient:
    return create_app(replace(settings, public_url="https://kassa.example")).test_client()


def test_over_tls_cookies_are_bound_to_the_host(secure: FlaskClient) -> None:
    answer = secure.get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-kassa=")
    for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_over_tls_the_proxy_says_who_calls(secure: FlaskClient) -> None:
    app = secure.application
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "https"}
    seen: list[str] = []
    app.before_request_funcs[None].append(lambda: seen.append(security.caller_address()))
    secure.get("/sign-in", headers=headers)
    assert seen == ["203.0.113.9"]


def test_without_a_proxy_nobody_is_believed_about_addresses(app: Flask) -> None:
    with app.test_request_context(
        "/", headers={"X-Forwarded-For": "6.6.6.6"}, environ_base={"REMOTE_ADDR": "127.0.0.1"}
    ):
        assert security.caller_address() == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_limits_count_an_ipv6_caller_by_the_network(app: Flask, address: str, network: str) -> None:
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": address}):
        assert security.caller_network() == network
