"""`./kassa figures`: the metrics that pages show, from the same definitions."""

from datetime import datetime

import click
import orjson

from portal.analytics import metrics
from portal.analytics.figures import Figures, reckon
from portal.analytics.queries import Grain
from portal.cli import cli, open_portal
from portal.db import transaction
from portal.orgs.queries import find_organisation
from portal.web import formats

DAY = click.DateTime(["%Y-%m-%d"])


@cli.command()
@click.option("--organisation", "number", required=True, help="The organisation's taxpayer number.")
@click.option("--from", "first", type=DAY, metavar="DAY", help="The first business day, 2026-11-20.")
@click.option("--to", "last", type=DAY, metavar="DAY", help="The last business day.")
@click.option("--by", type=click.Choice(["day", "point", "register"]), help="A row for each of these.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, sums in minor units.")
def figures(
    number: str, first: datetime | None, last: datetime | None, by: Grain | None, *, as_json: bool
) -> None:
    """Turnover, refunds, receipts, payments and tax of a period: what the pages show."""
    if first and last and last < first:
        raise click.BadParameter("the last day lies before the first", param_hint="--to")
    with open_portal(), transaction() as session:
        organisation = find_organisation(session, number)
        if organisation is None:
            raise click.BadParameter(f"no organisation has the number {number}", param_hint="--organisation")
        report = reckon(session, organisation, first=first and first.date(), last=last and last.date(), by=by)
    if as_json:
        click.echo(orjson.dumps(report).decode())
        return
    for row in report.get("rows", ()):
        click.echo(" ".join(str(row[name]) for name in ("day", "point", "register", "name") if name in row))
        _print(row, report["currency"])
    click.echo("total")
    _print(report["total"], report["currency"])


def _print(row: Figures, currency: str) -> None:
    for name, metric in metrics.METRICS.items():
        value = row[name]
        shown = (
            formats.money(value, currency, language="ru") if metric.unit == "money" else formats.count(value)
        )
        click.echo(f"  {name:18} {shown}")
    for tax in row["taxes"]:
        rate = formats.rate(tax["rate"], language="ru")
        click.echo(
            f"  tax {rate:14} {formats.money(tax['tax'], currency, language='ru')} of {formats.money(tax['turnover'], currency, language='ru')}"
        )
