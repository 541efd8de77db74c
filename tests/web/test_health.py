"""The health of a process: what a balancer asks."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import create_engine

from portal import db, queue


def test_is_well_with_database_and_redis(client: FlaskClient, redis: Redis) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ok", "database": "ok", "redis": "ok"}


def test_is_unwell_without_the_database(app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(db._state, "current", create_engine("postgresql+psycopg2://x@127.0.0.1:1/x"))
    answer = app.test_client().get("/health")
    assert answer.status_code == 503
    assert answer.get_json() == {"status": "unwell", "database": "away", "redis": "ok"}


def test_is_unwell_without_redis(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(queue._state, "current", Redis(host="127.0.0.1", port=1))
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.get_json() == {"status": "unwell", "database": "ok", "redis": "away"}
