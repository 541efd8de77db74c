"""A portal in a process of its own, a world in its database, a Chromium, and people who are signed in.

    def test_…(visit: Visit) -> None:
        page = visit("/documents/", OWNER, width=390, theme="dark")
        …
        page.check()        # no console error, no refused script or style, nothing wider than the window

Every page is looked at by `check` again when the test ends.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from portal import local
from portal.cli.test import BROWSERS
from portal.config import ROOT
from portal.demo.people import PASSWORD
from tests.conftest import TEMPLATE

SHOTS = Path(__file__).parent / "shots"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
HEIGHTS = {390: 844, 768: 1024, 1440: 900, 2560: 1440}

OWNER, ACCOUNTANT, ADMINISTRATOR = "owner@demo.by", "accountant@demo.by", "admin@demo.by"
CASHIER, KAZAKH_OWNER = "cashier@demo.by", "owner@demo.kz"

# Sums what moved by itself; read by `Seen.shift`.
WATCH_SHIFTS = """
window.kassaShift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.kassaShift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All browser tests belong to one worker: one portal, one Chromium."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass
class Portal:
    """A running portal, and the process that changes its world."""

    address: str
    secrets: dict[str, str]
    sell: Callable[[], int]


@dataclass
class Seen:
    """A page with all that it complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Nothing was refused by the policy, nothing failed, nothing is wider than the window."""
        unexpected = [line for line in self.complaints if not any(words in line for words in self.expected)]
        assert unexpected == [], self.page.url
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{self.page.url} is {wide} px wider than the window"

    def expect(self, words: str) -> None:
        """Let complaints with these words pass: a refusal on purpose logs its status."""
        self.expected.append(words)

    def violations(self) -> list[str]:
        """What axe-core finds wrong, by rule and place."""
        if not self.page.evaluate("'axe' in window"):
            # Evaluated through the debugger: our policy would refuse a script element.
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ]

    def shift(self) -> float:
        """How much of the page moved by itself since it was opened."""
        moved: float = self.page.evaluate("window.kassaShift")
        return moved

    def shot(self, name: str, *, whole: bool = False) -> None:
        """Keep a picture for human eyes."""
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)


class Visit:
    """Opens pages as somebody, in a window, a theme and a language."""

    def __init__(
        self, browser: Browser, portal: Portal, cookies: dict[str, Any], windows: dict[Any, BrowserContext]
    ) -> None:
        self.browser = browser
        self.portal = portal
        self.cookies = cookies
        self.windows = windows
        self.contexts: list[BrowserContext] = []
        self.seen: list[Seen] = []

    def __call__(
        self,
        path: str,
        who: str | None = None,
        *,
        width: int = 1440,
        theme: str = "light",
        language: str = "ru",
        shared: bool = False,
        **options: Any,
    ) -> Seen:
        """Open a page; a stranger when nobody is named. `shared` spares a cold cache where a test leaves no trace."""
        key = (who, width, theme)
        context = self.windows.get(key) if shared else None
        if context is None:
            context = self._open(who, width, theme, options)
            if shared:
                self.windows[key] = context
        if not shared:
            self.contexts.append(context)
        page = context.new_page()
        seen = Seen(page)
        page.on(
            "console",
            lambda said: seen.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        self.seen.append(seen)
        self._speak(context, who, language)
        page.goto(self.portal.address + path)
        return seen

    def _open(self, who: str | None, width: int, theme: str, options: dict[str, Any]) -> BrowserContext:
        context = self.browser.new_context(
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            color_scheme="dark" if theme == "dark" else "light",
            has_touch=width < 500,
            reduced_motion="reduce",
            storage_state=self._signed_in(who) if who else None,
            **options,
        )
        # On a page as fast as this, what takes ten seconds will not come.
        context.set_default_timeout(10_000)
        context.add_init_script(WATCH_SHIFTS)
        return context

    def _speak(self, context: BrowserContext, who: str | None, language: str) -> None:
        if who is None:
            context.add_cookies([{"name": "language", "value": language, "url": self.portal.address}])
            return
        answer = context.request.get(f"{self.portal.address}/company")
        if f'<html lang="{language}"' in answer.text():
            return
        token = re.search(r'name="csrf-token" content="([^"]+)"', answer.text())
        assert token is not None
        context.request.post(
            f"{self.portal.address}/language",
            form={"language": language, "csrf_token": token[1]},
            headers={"Sec-Fetch-Site": "same-origin", "Referer": self.portal.address},
        )

    def _signed_in(self, who: str) -> Any:
        """Cookies of somebody who came in through the door, once for all tests."""
        if who not in self.cookies:
            context = self.browser.new_context()
            page = context.new_page()
            page.goto(f"{self.portal.address}/sign-in")
            page.fill("#login", who)
            page.fill("#password", PASSWORD)
            page.fill("#code", pyotp.TOTP(self.portal.secrets[who]).now())
            page.click("#form button[type=submit]")
            page.wait_for_url(re.compile(r"/(company|documents/)?$"))
            if page.url.endswith("/company") and page.locator(".card-company").count():
                page.locator(".card-company").first.click()
                page.wait_for_url(re.compile(r"/$"))
            self.cookies[who] = context.storage_state()
            context.close()
        return self.cookies[who]

    def close(self) -> None:
        for seen in self.seen:
            seen.page.close()
        for context in self.contexts:
            context.close()


@pytest.fixture(scope="session")
def portal(services: local.Access, environment: dict[str, str], worker_id: str) -> Iterator[Portal]:
    """A portal with a database of its own, which no other test empties."""
    name = f"kassa_browser_{worker_id}"
    engine = sa.create_engine(
        services.owner_url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"create database {name} template {TEMPLATE}"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    variables = {
        **environment,
        "KASSA_DATABASE_URL": services.database_url(name),
        "KASSA_DATABASE_OWNER_URL": services.owner_url(name),
        "KASSA_REDIS_URL": services.redis_url(15),
        "KASSA_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }

    def ask(word: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "tests.browser.world", word],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    secrets: dict[str, str] = ask("found")
    command = [
        "gunicorn",
        "wsgi:app",
        f"--bind=127.0.0.1:{port}",
        "--threads=8",
        "--keep-alive=75",
        "--graceful-timeout=3",
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, env=variables, stderr=subprocess.DEVNULL
    )
    try:
        _wait(f"http://127.0.0.1:{port}/health", server)
        yield Portal(f"http://127.0.0.1:{port}", secrets, lambda: int(ask("sell")))
    finally:
        server.terminate()
        server.wait(20)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        assert server.poll() is None, "the portal ended before it answered"
        try:
            with urllib.request.urlopen(address, timeout=1):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the portal did not answer within 15 seconds")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all browser tests: the machine's own."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert path is not None, "Chromium is not installed; `./kassa test` brings it where it may"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def cookies() -> dict[str, Any]:
    """Who is signed in already."""
    return {}


@pytest.fixture(scope="session")
def windows(portal: Portal) -> Iterator[dict[Any, BrowserContext]]:
    """Windows that tests share, by person, width and theme; closed before the portal ends."""
    shared: dict[Any, BrowserContext] = {}
    yield shared
    for window in shared.values():
        window.close()


@pytest.fixture
def visit(
    chromium: Browser, portal: Portal, cookies: dict[str, Any], windows: dict[Any, BrowserContext]
) -> Iterator[Visit]:
    """Opens pages; whatever was opened is checked again at the end."""
    visit = Visit(chromium, portal, cookies, windows)
    yield visit
    for seen in visit.seen:
        seen.check()
    visit.close()
