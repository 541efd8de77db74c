"""`./kassa verify` proves the journal, `./kassa refold` computes the rollups from it again."""

import json
import sys
from time import perf_counter

import click
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.analytics import refold as refolding
from portal.analytics import verify as proving
from portal.analytics.findings import Report
from portal.analytics.replaying import Replayed, replay_organisation
from portal.cli import cli, open_portal
from portal.db import transaction
from portal.orgs.queries import find_organisation


def choose_organisations(session: Session, number: str | None) -> list[int]:
    """The organisation with this taxpayer number (or id), or all of them."""
    if number is None:
        return list(session.scalars(text("select every_organisation()")).all())
    found = find_organisation(session, number)
    if found is None:
        raise click.BadParameter(f"no organisation has the number {number}", param_hint="--organisation")
    return [found.id]


@cli.command()
@click.option("--organisation", metavar="NUMBER", help="Only this one, by its taxpayer number; else all.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.option(
    "--replay",
    is_flag=True,
    help="Issue again all that cloud tills issued, instead: same bytes, same state, same counters.",
)
def verify(organisation: str | None, *, as_json: bool, replay: bool) -> None:
    """Prove chains, gaps, rollups and Z sums; name every difference, exit status 1 if there is any.

    Open gaps, Z-reports that count documents which have not arrived, and documents of cloud tills that the rollups do not
    know yet are notices and no differences.
    """
    with open_portal():
        with transaction() as session:
            organisation_ids = choose_organisations(session, organisation)
        prove = replay_organisation if replay else proving.verify
        reports: list[Report | Replayed] = [prove(organisation_id) for organisation_id in organisation_ids]
    if as_json:
        click.echo(json.dumps([report.as_dict() for report in reports], ensure_ascii=False))
    else:
        for report in reports:
            _print(report)
    sys.exit(1 if any(report.differences for report in reports) else 0)


def _print(report: Report | Replayed) -> None:
    for finding in report.differences:
        click.echo(f"difference  {finding}")
    for finding in report.notices:
        click.echo(f"notice      {finding}")
    found = f"{len(report.differences)} differences, {len(report.notices)} notices"
    if isinstance(report, Report):
        click.echo(
            f"organisation {report.organisation_id}: {report.documents} documents of {report.registers} registers, "
            f"{report.shifts_closed} closed shifts, {found}"
        )
        return
    rate = (report.documents + report.streamed) / report.seconds if report.seconds else 0
    click.echo(
        f"organisation {report.organisation_id}: {report.documents} documents of {report.registers} cloud registers "
        f"issued again after {report.streamed} streamed ones, {report.events} losses and returns of the operator, "
        f"{rate:.0f} documents/s, {found}"
    )


@cli.command()
@click.option("--organisation", metavar="NUMBER", help="Only this one, by its taxpayer number; else all.")
def refold(organisation: str | None) -> None:
    """Throw the rollups away and compute them from the journal again; its registers' streams wait meanwhile."""
    with open_portal():
        with transaction() as session:
            organisation_ids = choose_organisations(session, organisation)
        for organisation_id in organisation_ids:
            began = perf_counter()
            documents = refolding.refold(organisation_id)
            click.echo(
                f"organisation {organisation_id}: {documents} documents folded in {perf_counter() - began:.1f} s"
            )
