"""Pages that refresh themselves: a right stamp is answered at once, any other by looking."""

from collections.abc import Iterator

import pytest
from flask import Flask, Response
from redis import Redis

from portal import queue
from portal.web import live

LOOKED = 200


@pytest.fixture
def page(settings: object, redis: Redis) -> Iterator[Flask]:
    """An application with one page that refreshes itself."""
    app = Flask("live")
    app.secret_key = "a key of thirty-two characters or so"

    @app.get("/")
    @live.unless_unchanged
    def look() -> Response:
        return Response("looked")

    with app.app_context():
        yield app


def ask(page: Flask, stamp: str) -> int:
    return page.test_client().get("/", query_string={"v": stamp}).status_code


def test_nothing_is_looked_at_while_the_stamp_is_the_newest(page: Flask) -> None:
    shown = live.stamp(7)
    assert ask(page, shown) == 204
    queue.tell_readers(8)
    assert ask(page, shown) == 204
    queue.tell_readers(7)
    assert ask(page, shown) == LOOKED
    assert ask(page, live.stamp(7)) == 204


def test_a_question_without_a_stamp_is_answered_by_looking(page: Flask) -> None:
    assert ask(page, "") == LOOKED
    assert page.test_client().get("/").status_code == LOOKED


def test_a_stamp_that_was_changed_is_not_believed(page: Flask) -> None:
    shown = live.stamp(7)
    organisation, version, seal = shown.split(".")
    for changed in (
        f"8.{version}.{seal}",
        f"{organisation}.1.{seal}",
        f"{organisation}.{version}.{seal[::-1]}",
        f"{organisation}.{version}.",
        f"{organisation}.{version}",
        f" {shown}",
        "٧.0.x",
        "7" * 100,
    ):
        assert ask(page, changed) == LOOKED


def test_a_stamp_sealed_with_another_key_is_not_believed(page: Flask) -> None:
    shown = live.stamp(7)
    page.secret_key = "another key of thirty-two characters"
    assert ask(page, shown) == LOOKED


def test_there_is_no_stamp_while_redis_is_away(page: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = live.stamp(7)
    monkeypatch.setattr(queue, "live_version", lambda _organisation_id: None)
    assert live.stamp(7) == ""
    assert ask(page, shown) == LOOKED
