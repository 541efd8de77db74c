"""The pages' speed: what `/` and `/documents/` take with one and with ten million documents.

Two companies of 200 registers and 400 days stand in one database of their own, one with about a million documents,
one with about ten. Every page is asked of both in turn, so that a change of the machine's mood falls on both; what
ten million take is divided by what one million takes. Documents are made inside the server; rollups are then summed
from them, as a refold would.
"""

import http.client
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, create_engine, pool, text

from benchmarks.scratch import environment, scratch
from portal.app import create_app
from portal.auth.models import SignIn
from portal.auth.queries import ABSOLUTE_MAX, digest_of
from portal.config import ROOT, Settings
from portal.db import transaction
from portal.primitives import clock
from portal.primitives.period import zone_of

POINTS = 40
REGISTERS = 200
DAYS = 400
ZONE = "Europe/Minsk"
WARM_UP = 5
WEB_PORT = 29_873
WEB_LIMIT_S = 30

# The first page of each kind of question that the two pages take.
PAGES = {
    "home": "/",
    "home, one point": "/?point={point}",
    "home, a past day": "/?day={past}",
    "documents": "/documents/",
    "documents, deep": "/documents/?period=all&before={deep}",
    "documents, all time": "/documents/?period=all",
    "documents, one register": "/documents/?register={register}",
    "documents, one point": "/documents/?point={point}",
    "documents, sales": "/documents/?kind=sale",
    "documents, annulments": "/documents/?kind=annulment",
    "documents, annulments of a year": "/documents/?kind=annulment&period=all",
    "documents, shifts opened": "/documents/?kind=shift_opened",
    "documents, by card": "/documents/?payment=card",
    "documents, by other means": "/documents/?payment=other",
    "documents, by card of a year": "/documents/?payment=card&period=all",
    "documents, by card at a point of a year": "/documents/?payment=card&point={point}&period=all",
    "documents, annulments at a register": "/documents/?kind=annulment&register={register}",
    "documents, autonomous": "/documents/?status=autonomous",
    "documents, a number": "/documents/?search={number}",
    "documents, a sign": "/documents/?search={sign}",
    "documents, a period": "/documents/?from={past}&to={past}",
    "documents, one chosen": "/documents/?document={chosen}",
}


@dataclass(frozen=True)
class Company:
    """One of the two companies, with somebody signed in."""

    id: int
    documents: int
    facts: dict[str, object]
    browser: FlaskClient
    cookie: str

    def address(self, page: str) -> str:
        """The address of a page in this company."""
        return PAGES[page].format(**self.facts)


def run(settings: Settings, *, rounds: int, sizes: Sequence[int], web: bool) -> None:
    """Fill, measure, print a JSON line for each page and one that sums up."""
    with scratch(settings) as inside:
        app = create_app(inside)
        companies = [_found(inside, app, place + 1, size) for place, size in enumerate(sizes)]
        _settle(inside)
        results = _measure(companies, rounds, _ask)
        if web:
            with _web(inside) as ask:
                _measure(companies, rounds, ask, prefix="over HTTP: ")
    growths = {page: growth for page, taken in results.items() if (growth := _growth(taken)) is not None}
    p95 = {
        f"{page} ({documents})": _p95(times)
        for page, taken in results.items()
        for documents, times in taken.items()
    }
    _say(
        p95_ms_worst=max(p95.values()),
        growth_worst=max(growths.values(), default=None),
        growth=growths,
        p95_ms=p95,
    )


# What each page took of each company (by its number of documents), round by round.
Times = dict[str, dict[int, list[float]]]


def _growth(taken: dict[int, list[float]]) -> float | None:
    """How many times longer the greatest company takes than the least: the median of what the rounds say.

    Within a round both are asked one after the other, so that a busy moment of the machine falls on both.
    """
    if len(taken) < 2:
        return None
    ratios = [most / least for least, most in zip(taken[min(taken)], taken[max(taken)], strict=True)]
    return round(statistics.median(ratios), 2)


def _p95(times: Sequence[float]) -> float:
    return round(statistics.quantiles(times, n=20)[-1], 2)


def _measure(
    companies: Sequence[Company], rounds: int, ask: Callable[[Company, str], float], prefix: str = ""
) -> Times:
    _note(f"{rounds} rounds; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    taken: Times = {page: {company.documents: [] for company in companies} for page in PAGES}
    for turn in range(rounds + WARM_UP):
        for page in PAGES:
            # Whoever comes second finds the processor's caches warm: they take turns.
            for company in companies if turn % 2 else reversed(companies):
                took = ask(company, page)
                if turn >= WARM_UP:
                    taken[page][company.documents].append(took * 1000)
    for page, of_page in taken.items():
        for documents, times in of_page.items():
            p50 = round(statistics.median(times), 2)
            _say(page=prefix + page, documents=documents, p50_ms=p50, p95_ms=_p95(times))
    return taken


def _ask(company: Company, page: str) -> float:
    started = time.perf_counter()
    answer = company.browser.get(company.address(page))
    took = time.perf_counter() - started
    if answer.status_code != 200:
        raise SystemExit(f"{company.address(page)} answered {answer.status_code}")
    return took


def _found(settings: Settings, app: Flask, organisation_id: int, size: int) -> Company:
    """Make a company with about so many documents, and sign its owner in."""
    per_day = max(8, size // (REGISTERS * DAYS))
    today = clock.now().astimezone(zone_of(ZONE)).date()
    first = today - timedelta(days=DAYS - 1)
    _note(f"company {organisation_id}: {per_day * REGISTERS * DAYS:,} documents")
    with _owner(settings, organisation_id) as connection:
        _make_places(connection, organisation_id)
        connection.commit()
        with _without_indexes(connection, ("document", "document_body")):
            for past in range(DAYS):
                _make_day(connection, organisation_id, first + timedelta(days=past), past, per_day)
                if past % 50 == 49:
                    connection.commit()
                    _note(f"  {past + 1} of {DAYS} days")
        connection.commit()
        _fold(connection, organisation_id)
        facts = _facts(connection, organisation_id, today)
        documents = connection.execute(
            text("select sum(document_count) from rollup_point where organisation_id = :id"),
            {"id": organisation_id},
        ).scalar_one()
        connection.commit()
    browser, cookie = _sign_in(app, organisation_id)
    return Company(organisation_id, int(documents), facts, browser, cookie)


@contextmanager
def _owner(settings: Settings, organisation_id: int) -> Iterator[Connection]:
    engine = create_engine(settings.database_owner_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        # The wall stands before the tables' owner too, unless it is a superuser.
        connection.execute(
            text("select set_config('kassa.organisation', :id, false)"), {"id": str(organisation_id)}
        )
        connection.execute(text("set synchronous_commit to off"))
        yield connection


@contextmanager
def _without_indexes(connection: Connection, tables: Sequence[str]) -> Iterator[None]:
    """Build the indexes of empty or refilled tables at once rather than row by row."""
    found = connection.execute(
        text(
            "select c.relname, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), con.conname, "
            "pg_get_constraintdef(con.oid) from pg_index i join pg_class c on c.oid = i.indrelid "
            "left join pg_constraint con on con.conindid = i.indexrelid and con.contype = 'p' "
            "where c.relname = any(:tables)"
        ),
        {"tables": list(tables)},
    ).all()
    for table, index, _definition, constraint, _key in found:
        drop = f"alter table {table} drop constraint {constraint}" if constraint else f"drop index {index}"
        connection.execute(text(drop))
    yield
    connection.execute(text("set maintenance_work_mem to '512MB'"))
    for table, _index, only, constraint, key in found:
        # Told of the parent alone; the partitions are to have it too.
        definition = only.replace(" ON ONLY ", " ON ")
        _note(f"  index: {constraint or definition.split(' ON ')[0]}")
        connection.execute(
            text(f"alter table {table} add constraint {constraint} {key}" if constraint else definition)
        )
        connection.commit()


def _make_places(connection: Connection, organisation_id: int) -> None:
    facts = {"id": organisation_id, "zone": ZONE, "points": POINTS, "registers": REGISTERS}
    for statement in (
        "insert into organisation (id, country, tax_id, name, currency) values (:id, 'by', 100000000 + :id, 'ООО «Ромашка»', 'BYN')",
        (
            "insert into point (organisation_id, id, name, zone) "
            "select :id, p, 'Точка ' || p, :zone from generate_series(1, :points) p"
        ),
        (
            "insert into register (organisation_id, id, point_id, name, factory_number) "
            "select :id, r, (r - 1) % :points + 1, 'Касса ' || r, 'B' || lpad(r::text, 8, '0') from generate_series(1, :registers) r"
        ),
        "insert into cashier (organisation_id, id, name) values (:id, 1, 'Анна Ковалёва')",
        "insert into person (id, name, email, password_hash, totp_secret) values (:id, 'Анна', 'owner' || :id, '!', '')",
        "insert into membership (organisation_id, person_id, role) values (:id, :id, 'owner')",
    ):
        connection.execute(text(statement), facts)


# Open at nine, cash in, trade for twelve hours, cash out, close with a Z-report. The mix of kinds and payments is
# that of a grocer: one refund in forty, one annulment in two hundred, half of all payments by card.
_DAY = """
with made as (
    select r.id as register_id, r.point_id, i, hashtextextended(i || '.' || r.id, :past) & 2147483647 as chance,
        (cast(:day as timestamp) + interval '9 hours' + interval '12 hours' * i / :per_day
            + interval '1 second' * (r.id % 60)) at time zone :zone as issued_at
    from generate_series(1, :per_day) i cross join register r
    where r.organisation_id = :id order by i, r.id
), told as (
    select *, case when i = 1 then 1 when i = 2 then 7 when i = :per_day - 1 then 8 when i = :per_day then 10
        when chance % 40 = 7 then 3 when chance % 200 = 11 then 6 else 2 end as kind,
        case when i <= 2 or i >= :per_day - 1 then 0 when chance % 100 < 46 then 1 when chance % 100 < 92 then 2
        when chance % 100 < 95 then 3 when chance % 100 < 98 then 4 else 8 end as payment,
        case when i = 1 or i = :per_day then 0 else 100 + chance % 12000 end as total
    from made where issued_at <= :now
)
insert into document select :id, register_id, :past * :per_day + i, :past * :per_day + i, kind, :past + 1, i, issued_at,
    :day, extract(hour from issued_at at time zone :zone), point_id, 1, total,
    case when payment = 1 then total when payment = 3 then total / 2 else 0 end,
    case when payment = 2 then total when payment = 3 then total - total / 2 else 0 end,
    case when payment = 4 then total else 0 end, case when payment = 8 then total else 0 end,
    0, payment, chance % 5000 = 1, upper(substr(md5(register_id || '.' || :past || '.' || i), 1, 24)),
    1, issued_at + interval '2 seconds', '\\x00'
from told
"""

# Bodies are read one by one; the newest days' are enough to open documents from.
_BODIES = """
insert into document_body select organisation_id, d.register_id, number, json_build_object(
    'cashier', 'Анна Ковалёва', 'issued_at', to_char(issued_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'kind', (array['shift_opened', 'sale', 'sale_refund', 'purchase', 'purchase_refund', 'annulment', 'cash_in',
                   'cash_out', 'x_report', 'z_report'])[kind],
    'lines', case when kind in (2, 3, 6) then json_build_array(json_build_object('name', 'Хлеб «Нарочанский»',
        'price_minor', total_minor, 'quantity_milli', 1000, 'sum_minor', total_minor, 'tax_rate', 2000,
        'tax_minor', round(total_minor / 6.0))) else '[]' end,
    'number', number, 'ordinal', ordinal, 'payments', json_build_object('cash_minor', cash_minor, 'card_minor',
        card_minor, 'mobile_minor', mobile_minor, 'other_minor', other_minor),
    'register', 'B', 'shift', shift, 'total_minor', total_minor, 'fiscal_sign', fiscal_sign)::text
from document d where organisation_id = :id and day = :day
"""


def _make_day(connection: Connection, organisation_id: int, day: date, past: int, per_day: int) -> None:
    facts = {
        "id": organisation_id,
        "day": day,
        "past": past,
        "per_day": per_day,
        "zone": ZONE,
        "now": clock.now(),
    }
    connection.execute(text(_DAY), facts)
    if past >= DAYS - 2:
        connection.execute(text(_BODIES), facts)


def _fold(connection: Connection, organisation_id: int) -> None:
    """Sum the rollups that pages read."""
    facts = {"id": organisation_id}
    measures = ["count(*)"]
    for kind, parts in (
        (2, ("cash", "card", "mobile", "other")),
        (3, ("cash", "card", "mobile", "other")),
        (6, ("cash", "card", "mobile", "other")),
        (4, ("cash",)),
        (5, ("cash",)),
        (7, ()),
        (8, ()),
    ):
        measures += [f"count(*) filter (where kind = {kind})"]
        measures += [
            f"coalesce(sum({name}_minor) filter (where kind = {kind}), 0)" for name in ("total", *parts)
        ]
    whole = ", ".join(measures)
    for table, key in (
        ("rollup_hour", "register_id, day, hour"),
        ("rollup_day", "day, register_id, point_id"),
        ("rollup_point", "day, point_id"),
    ):
        _note(f"  {table}")
        connection.execute(
            text(
                f"insert into {table} select organisation_id, {key}, {whole} from document "
                f"where organisation_id = :id group by organisation_id, {key} order by {key}"
            ),
            facts,
        )
    _note("  rollup_kind, shift, register_head")
    connection.execute(
        text(
            "insert into rollup_kind select organisation_id, kind, payment, day, register_id, count(*), sum(total_minor) "
            "from document where organisation_id = :id group by 1, 2, 3, 4, 5 order by day, register_id"
        ),
        facts,
    )
    connection.execute(
        text(
            "insert into shift (organisation_id, register_id, shift, opened_at, closed_at, first_number, last_number, z_number) "
            "select organisation_id, register_id, shift, min(issued_at), max(issued_at) filter (where kind = 10), "
            "min(number), max(number), max(number) filter (where kind = 10) from document "
            "where organisation_id = :id group by 1, 2, 3"
        ),
        facts,
    )
    connection.execute(
        text(
            "insert into register_head (organisation_id, register_id, sequence, first_number, last_number, last_issued_at) "
            "select organisation_id, register_id, count(*), min(number), max(number), max(issued_at) from document "
            "where organisation_id = :id group by 1, 2"
        ),
        facts,
    )


def _facts(connection: Connection, organisation_id: int, today: date) -> dict[str, object]:
    """What the addresses ask for: things that exist."""
    past = today - timedelta(days=DAYS // 2)
    row = connection.execute(
        text(
            "select day, issued_at, register_id, number, fiscal_sign from document "
            "where organisation_id = :id and day = :past and kind = 2 order by issued_at limit 1 offset 100"
        ),
        {"id": organisation_id, "past": past},
    ).one()
    chosen = connection.execute(
        text(
            "select register_id || '-' || number from document where organisation_id = :id and day = :day and kind = 2 limit 1"
        ),
        {"id": organisation_id, "day": today - timedelta(days=1)},
    ).scalar_one()
    since: timedelta = row.issued_at - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return {
        "point": 7,
        "register": row.register_id,
        "number": row.number,
        "sign": row.fiscal_sign,
        "past": past.isoformat(),
        "deep": f"{row.day}.{since // timedelta(microseconds=1)}.{row.register_id}.{row.number}",
        "chosen": chosen,
    }


def _settle(settings: Settings) -> None:
    """Let the server know its tables, as autovacuum would in time."""
    _note("vacuum, analyze")
    engine = create_engine(settings.database_owner_url, poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("vacuum (analyze)"))
        connection.execute(text("checkpoint"))


def _sign_in(app: Flask, organisation_id: int) -> tuple[FlaskClient, str]:
    now, token = clock.now(), secrets.token_urlsafe(32)
    with transaction(organisation_id, organisation_id) as session:
        session.add(
            SignIn(
                token_sha256=digest_of(token),
                person_id=organisation_id,
                organisation_id=organisation_id,
                created_at=now,
                seen_at=now,
                expires_at=now + ABSOLUTE_MAX,
                address="127.0.0.1",
                agent="benchmark",
            )
        )
    browser = app.test_client()
    with browser.session_transaction() as cookie:
        cookie["_user_id"] = token
    name = app.config["SESSION_COOKIE_NAME"]
    stored = browser.get_cookie(name)
    return browser, f"{name}={stored.value if stored else ''}"


@contextmanager
def _web(settings: Settings) -> Iterator[Callable[[Company, str], float]]:
    """Ask a real web server on this machine."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "wsgi:app",
        "--bind",
        f"127.0.0.1:{WEB_PORT}",
        "--worker-class",
        "gthread",
        "--threads",
        "4",
        "--log-level",
        "warning",
    ]
    with subprocess.Popen(command, cwd=ROOT, env=environment(settings), stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for_web()
            connection = http.client.HTTPConnection("127.0.0.1", WEB_PORT, timeout=WEB_LIMIT_S)

            def ask(company: Company, page: str) -> float:
                started = time.perf_counter()
                connection.request(
                    "GET",
                    company.address(page),
                    headers={"Cookie": company.cookie, "Accept-Encoding": "gzip"},
                )
                answer = connection.getresponse()
                answer.read()
                took = time.perf_counter() - started
                if answer.status != 200:
                    raise SystemExit(f"{company.address(page)} answered {answer.status} over HTTP")
                return took

            yield ask
            connection.close()
        finally:
            server.terminate()


def _wait_for_web() -> None:
    deadline = time.monotonic() + WEB_LIMIT_S
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", WEB_PORT, timeout=2)
            connection.request("GET", "/health")
            connection.getresponse().read()
            connection.close()
        except OSError:
            time.sleep(0.2)
            continue
        return
    raise SystemExit("the web server did not start")


def _note(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _say(**facts: object) -> None:
    print(json.dumps(facts, ensure_ascii=False), flush=True)
