"""Pages that refresh themselves: they say which version they show, and nothing is looked up while it is the newest.

The version is a stamp, `organisation.version.seal`, sealed with the portal's own key. Because nobody can make one up,
a stamp that is still right may be answered before anybody is asked for: it says that nothing has changed, no more.
"""

import hmac
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any, ParamSpec

from flask import current_app, request

from portal import queue
from portal.web.pages import unchanged

Args = ParamSpec("Args")

STAMP_LENGTH_MAX = 64
SEAL_LENGTH = 20


def stamp(organisation_id: int) -> str:
    """What a page shows, to be carried as `v` by its next question; empty while nobody knows the version."""
    version = queue.live_version(organisation_id)
    return "" if version is None else _sealed(organisation_id, version)


def unless_unchanged(view: Callable[Args, Any]) -> Callable[Args, Any]:
    """Answer 204 to a page that already shows the newest version, without touching the database."""

    @wraps(view)
    def fresh(*args: Args.args, **kwargs: Args.kwargs) -> Any:
        shown = request.args.get("v", "")
        if shown and _is_newest(shown):
            return unchanged()
        return view(*args, **kwargs)

    return fresh


def _is_newest(shown: str) -> bool:
    organisation, _dot, rest = shown.partition(".")
    version = rest.partition(".")[0]
    if len(shown) > STAMP_LENGTH_MAX or not _is_whole(organisation) or not _is_whole(version):
        return False
    if not hmac.compare_digest(shown, _sealed(int(organisation), int(version))):
        return False
    return queue.live_version(int(organisation)) == int(version)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _sealed(organisation_id: int, version: int) -> str:
    words = f"{organisation_id}.{version}"
    key = str(current_app.secret_key).encode()
    return f"{words}.{hmac.new(key, b'live:' + words.encode(), sha256).hexdigest()[:SEAL_LENGTH]}"
