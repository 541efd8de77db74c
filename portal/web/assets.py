"""Addresses of static files: a file whose name carries its digest is kept by browsers for a year.

`portal.assets` builds `static/vendor/` and its manifest (plain name → name with digest) at set-up; whitenoise
serves what is there, compressed beforehand where a .br or .gz file stands beside it.
"""

import logging
from wsgiref.headers import Headers

import orjson
from flask import Flask
from whitenoise import WhiteNoise

from portal.config import ROOT
from portal.web.security import HEADERS

log = logging.getLogger("kassa.web")

STATIC = ROOT / "static"
MANIFEST = STATIC / "vendor" / "manifest.json"
PREFIX = "/static/"
ICONS = "icons.svg"


def init_app(app: Flask) -> None:
    """Serve static files, and let templates ask for their addresses."""
    manifest = _read_manifest()
    hashed = {f"{PREFIX}{name}" for name in manifest.values()}

    def asset_url(name: str) -> str:
        """The address of a static file by its plain name."""
        return f"{PREFIX}{manifest.get(name, name)}"

    def icon_url(name: str) -> str:
        """The address of one icon in the sprite."""
        return f"{asset_url(ICONS)}#{name}"

    def is_hashed(_path: str, url: str) -> bool:
        return url in hashed

    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=str(STATIC) if STATIC.is_dir() else None,
        prefix=PREFIX,
        max_age=60,
        allow_all_origins=False,
        immutable_file_test=is_hashed,
        add_headers_function=_protect,
    )
    app.jinja_env.globals.update(asset_url=asset_url, icon_url=icon_url)


def _read_manifest() -> dict[str, str]:
    """Plain names to names with digests; without it files are served under their plain names."""
    try:
        names: dict[str, str] = orjson.loads(MANIFEST.read_bytes())
    except FileNotFoundError:
        log.warning("event=assets_unbuilt manifest=%s", MANIFEST.name)
        return {}
    return names


def _protect(headers: Headers, _path: str, _url: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
