"""Static files: versioned names are kept for a year, plain ones for a minute."""

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from portal.app import create_app
from portal.config import Settings
from portal.web import assets


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    vendor = tmp_path / "vendor"
    vendor.mkdir()
    (vendor / "portal-0123456789ab.css").write_text("body{}" * 100)
    (vendor / "portal-0123456789ab.css.gz").write_bytes(b"packed")
    (vendor / "manifest.json").write_text(json.dumps({"portal.css": "vendor/portal-0123456789ab.css"}))
    (tmp_path / "plain.txt").write_text("plain")
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    monkeypatch.setattr(assets, "MANIFEST", vendor / "manifest.json")
    return tmp_path


@pytest.fixture
def browser(folder: Path, settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


def test_a_versioned_file_is_kept_for_a_year_and_comes_packed(browser: FlaskClient) -> None:
    answer = browser.get("/static/vendor/portal-0123456789ab.css", headers={"Accept-Encoding": "gzip"})
    assert answer.data == b"packed"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "max-age=315360000" in answer.headers["Cache-Control"]


def test_a_plain_file_is_asked_for_again_soon(browser: FlaskClient) -> None:
    answer = browser.get("/static/plain.txt")
    assert "max-age=60" in answer.headers["Cache-Control"]
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["../portal/app.py", "%2e%2e/wsgi.py", "vendor/../../wsgi.py", "vendor/"])
def test_nothing_else_is_served(browser: FlaskClient, path: str) -> None:
    assert browser.get(f"/static/{path}").status_code == 404


def test_templates_ask_by_the_plain_name(browser: FlaskClient) -> None:
    asked = browser.application.jinja_env.from_string(
        "{{ asset_url('portal.css') }} {{ icon_url('receipt') }}"
    )
    assert asked.render() == "/static/vendor/portal-0123456789ab.css /static/icons.svg#receipt"
