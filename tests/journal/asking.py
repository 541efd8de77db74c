"""Asking for pages as a browser and as HTMX does, and counting what the database is asked meanwhile."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse


def part(browser: FlaskClient, address: str, target: str) -> TestResponse:
    """Ask as HTMX does for the element it will replace."""
    return browser.get(address, headers={"HX-Request": "true", "HX-Target": target})


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements inside the block that touch tables; saying for whom a transaction speaks is not one."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if re.search(r"\bfrom\b", statement, re.IGNORECASE):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)
