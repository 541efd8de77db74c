"""Start everything on this machine, and stop it."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from portal import assets, local, processes
from portal.cli import cli, data_directory, environment, servers_are_named
from portal.cli.migrate import migrate_to_head
from portal.config import ROOT, NotStarting, read_settings
from portal.ofd.simulator.records import ensure_address
from portal.processes import Program, Stopping, Supervisor, python

WEB_WORKERS = 2
WEB_THREADS = 4
READY_TIMEOUT_S = 60.0

Watch = Callable[[], Mapping[str, str]]


def say(line: str) -> None:
    """A progress line."""
    click.echo(f"… {line}")


@cli.command()
@click.option(
    "--port",
    default=8000,
    type=click.IntRange(1, 65535),
    show_default=True,
    help="The port of the pages, on 127.0.0.1.",
)
@click.option(
    "--workers",
    default=2,
    type=click.IntRange(1, 64),
    show_default=True,
    help="How many processes take documents in.",
)
@click.option(
    "--demo/--no-demo",
    default=True,
    help="Whether to bring two companies with 400 days of history, and tills that go on selling.",
)
def run(*, port: int, workers: int, demo: bool) -> None:
    """Start the portal on this machine and keep it running until Ctrl-C.

    Brings a PostgreSQL and a Redis of its own, unless KASSA_DATABASE_URL and KASSA_REDIS_URL name others.
    """
    data = data_directory()
    began_s = time.monotonic()
    stopping = Stopping()
    with processes.alone(data):
        _check_port(port)
        try:
            variables, watch = _start_servers(data, port)
            say("bringing the database to the newest schema")
            migrate_to_head(read_settings(variables).database_owner_url)
            assets.build(say)
            if demo:
                say("bringing the demo")
            introduction = _bring_demo(data, variables) if demo else []
            if demo:
                introduction.append(
                    f"The operator that the demo's registers deliver to: {ensure_address(data).http_url}"
                )
            supervisor = Supervisor(data, _programs(data, port, workers, demo=demo), variables, say, watch)
            try:
                say(f"starting pages, {workers} workers and the scheduler")
                supervisor.start()
                _wait_until_ready(port, supervisor)
                _welcome(variables["KASSA_PUBLIC_URL"], time.monotonic() - began_s, introduction)
                stopping.abrupt = False
                supervisor.keep(stopping)
            finally:
                stopping.abrupt = False
                say("stopping")
                supervisor.stop()
        finally:
            stopping.abrupt = False
            processes.clear(data)
            local.stop(data)
    click.echo("Everything has stopped; nothing that was acknowledged is lost.")


@cli.command()
def stop() -> None:
    """End everything that `./kassa run` started, cleanly."""
    data = data_directory()
    found = processes.stop(data)
    if local.stop(data) or found:
        click.echo("Everything has stopped; nothing that was acknowledged is lost.")
    else:
        click.echo(f"Nothing of {data} was running.")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise NotStarting(f"port {port} is for root alone; choose another with --port") from None
        except OSError:
            raise NotStarting(
                f"port {port} is taken by another program; stop that or choose another port with --port"
            ) from None


def _start_servers(data: Path, port: int) -> tuple[dict[str, str], Watch | None]:
    """Bring up what the portal stands on; return its environment, and how to keep our own servers up."""
    public = {"KASSA_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    if servers_are_named():
        say("using the servers that the environment names")
        return {**public, **environment(data)}, None
    say("starting PostgreSQL and Redis")
    access = local.start(data, tied=True)

    def watch() -> Mapping[str, str]:
        """Start a server again that was killed. It is back where it was, unless its port has been taken."""
        found = local.running(data)
        if found is None:
            say("a server has died; starting it again")
            found = local.start(data, tied=True)
        return {**public, **environment(data, found)}

    return {**public, **environment(data, access)}, watch


def _bring_demo(data: Path, variables: Mapping[str, str]) -> list[str]:
    """Make the demo companies and their history, unless they are there; return how its people are introduced."""
    introduction: list[str] = []
    with subprocess.Popen(
        python("-m", "portal.cli", "demo", "--data", str(data)),
        cwd=ROOT,
        env={**variables, processes.MARK: str(data)},
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        try:
            for line in command.stdout:
                if line.startswith("history:"):
                    say(line.strip())
                else:
                    introduction.append(line.rstrip())
        except SystemExit:
            command.terminate()
            raise
    if command.returncode:
        raise NotStarting("the demo could not be made (why stands above); `--no-demo` does without it")
    return introduction


def _programs(data: Path, port: int, workers: int, *, demo: bool) -> list[Program]:
    """What runs; ended in the opposite order."""
    return [
        *([Program("operator", python("-m", "portal.cli", "ofd", "--data", str(data)))] if demo else []),
        *(Program(f"worker-{number}", python("-m", "workers", "work")) for number in range(1, workers + 1)),
        Program("scheduler", python("-m", "workers", "schedule")),
        Program("web", _web(port)),
        *([Program("tills", python("-m", "portal.cli", "simulate", "--data", str(data)))] if demo else []),
    ]


def _web(port: int) -> list[str]:
    memory = Path("/dev/shm")  # noqa: S108 - gunicorn makes a file of its own there
    return python(
        "-m",
        "gunicorn",
        "wsgi:app",
        f"--bind=127.0.0.1:{port}",
        "--worker-class=gthread",
        f"--workers={WEB_WORKERS}",
        f"--threads={WEB_THREADS}",
        "--keep-alive=15",
        "--graceful-timeout=10",
        "--no-control-socket",
        f"--chdir={ROOT}",
        # The heartbeat's file must not wait for a busy disk.
        *([f"--worker-tmp-dir={memory}"] if memory.is_dir() else []),
    )


def _wait_until_ready(port: int, supervisor: Supervisor) -> None:
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while not _answers(port):
        if not supervisor.running("web") or time.monotonic() > deadline_s:
            raise NotStarting(f"the pages do not come up; {supervisor.data / 'log' / 'web.log'} says why")
        time.sleep(0.1)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _welcome(address: str, seconds: float, introduction: list[str]) -> None:
    rule = "─" * min(shutil.get_terminal_size().columns, 80)
    click.echo(f"{rule}\nKassa Portal: {address}    (ready after {seconds:.0f} s; Ctrl-C stops everything)")
    for line in introduction:
        click.echo(line)
    click.echo(rule)
