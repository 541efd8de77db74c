"""Organisations, people, registers and tokens, for whoever runs the portal.

What the cabinet's own pages do not offer yet is done here, by the same actions and with the same audit.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import segno
from sqlalchemy.orm import Session

from portal.auth import actions as auth
from portal.auth.forms import normalise_login
from portal.auth.queries import find_credentials
from portal.auth.totp import Vault
from portal.cli import cli, open_portal
from portal.db import transaction
from portal.orgs import actions as orgs
from portal.orgs.access import OWNER, ROLES
from portal.orgs.models import Organisation
from portal.orgs.queries import find_organisation
from portal.primitives import clock
from portal.primitives.refusals import Refusal
from portal.registers import actions as registers
from portal.registers.queries import find_register_by_factory_number

ORGANISATION = click.option(
    "--organisation", "number", required=True, help="The organisation's taxpayer number, or its id."
)


@contextmanager
def _deed() -> Iterator[tuple[Session, Vault]]:
    """One transaction of the operator; a refusal is said in one line."""
    try:
        with open_portal() as settings, transaction() as session:
            yield session, Vault(settings.secret_key)
    except Refusal as refusal:
        facts = ", ".join(f"{name} {value}" for name, value in refusal.facts.items())
        raise click.ClickException(f"refused: {refusal.code}{f' ({facts})' if facts else ''}") from refusal


def _get_organisation(session: Session, number: str) -> Organisation:
    organisation = find_organisation(session, number)
    if organisation is None:
        raise click.ClickException(f"there is no organisation {number}")
    return organisation


@cli.command()
@click.argument("login")
def code(login: str) -> None:
    """Print the one-time code of LOGIN for this moment.

    Works only where the portal's secret key is at hand. A code is good once; ask again for the next one.
    """
    with _deed() as (session, vault):
        now = clock.now()
        current = auth.current_code(session, vault, login, at=now)
    if current.good_from > now:
        click.echo(f"good from {current.good_from.astimezone():%H:%M:%S}", err=True)
    click.echo(current.code)


@cli.group()
def organisation() -> None:
    """Found organisations."""


@organisation.command("add")
@click.option(
    "--country", type=click.Choice(sorted(orgs.CURRENCIES)), required=True, help="Where it pays taxes."
)
@click.option("--tax-id", required=True, help="УНП or БИН/ИИН.")
@click.option("--name", required=True, help="Its name, as on receipts.")
def add_organisation(country: str, tax_id: str, name: str) -> None:
    """Found an organisation."""
    with _deed() as (session, _vault):
        founded = orgs.create_organisation(session, name=name, country=country, tax_id=tax_id, at=clock.now())
        number, tax_id = founded.id, founded.tax_id
    click.echo(f"Organisation {number} ({tax_id}) is founded.")


@cli.group()
def point() -> None:
    """Open trading points."""


@point.command("add")
@ORGANISATION
@click.option("--name", required=True, help="What people call it.")
@click.option("--zone", required=True, help="Its time zone, for example Europe/Minsk or Asia/Almaty.")
@click.option("--address", default="", help="Where it stands.")
@click.option(
    "--day-starts-hour",
    type=click.IntRange(0, 12),
    default=0,
    show_default=True,
    help="When its business day begins.",
)
def add_point(number: str, name: str, zone: str, address: str, day_starts_hour: int) -> None:
    """Open a trading point."""
    with _deed() as (session, _vault):
        company = _get_organisation(session, number)
        opened = orgs.add_point(
            session,
            company.id,
            name=name,
            zone=zone,
            address=address,
            day_starts_hour=day_starts_hour,
            at=clock.now(),
        )
        point_id = opened.id
    click.echo(f"Point {point_id} is open.")


@cli.group()
def person() -> None:
    """Give people a way in."""


@person.command("add")
@ORGANISATION
@click.option("--email", required=True, help="The address they sign in with.")
@click.option("--name", default="", help="Needed for somebody new.")
@click.option(
    "--role", type=click.Choice(list(ROLES)), default=OWNER, show_default=True, help="What they may do there."
)
@click.option("--point", "points", type=int, multiple=True, help="Only these points (ids); all without it.")
@click.option("--by-tax-id", is_flag=True, help="Let them sign in by the organisation's taxpayer number too.")
@click.option("--password", help="Asked for when it is not given here.")
def add_person(
    *,
    number: str,
    email: str,
    name: str,
    role: str,
    points: tuple[int, ...],
    by_tax_id: bool,
    password: str | None,
) -> None:
    """Give somebody a place in an organisation, and a way in when they have none."""
    uri = None
    with _deed() as (session, vault):
        company = _get_organisation(session, number)
        known = find_credentials(session, normalise_login(email))
        if known is None:
            password = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)
            enrolled = auth.enrol_person(session, vault, name=name or email, email=email, password=password)
            person_id, uri = enrolled.person_id, enrolled.provisioning_uri
        else:
            person_id = known.person_id
        if by_tax_id:
            auth.add_login(session, person_id, company.tax_id)
        orgs.set_membership(
            session, company.id, person_id, role=role, point_ids=points or None, at=clock.now()
        )
    click.echo(f"{email} is {role} of organisation {number}.")
    if uri is not None:
        click.echo("For their authenticator, shown only now:")
        segno.make(uri).terminal(compact=True)
        click.echo(uri)


@cli.group()
def register() -> None:
    """Put registers on record."""


@register.command("add")
@ORGANISATION
@click.option("--point", "point_id", type=int, required=True, help="The id of its trading point.")
@click.option("--name", required=True, help="What people call it.")
@click.option("--factory-number", required=True, help="The number by which the till names itself.")
@click.option("--model", default="", help="What kind of register it is.")
def add_register(number: str, point_id: int, name: str, factory_number: str, model: str) -> None:
    """Put a register on record at a point."""
    with _deed() as (session, _vault):
        company = _get_organisation(session, number)
        registers.add_register(
            session,
            company.id,
            point_id=point_id,
            name=name,
            factory_number=factory_number,
            model=model,
            at=clock.now(),
        )
    click.echo(f"Register {factory_number} is on record.")


@cli.group()
def token() -> None:
    """Issue and revoke the tokens with which tills stream documents."""


@token.command("issue")
@ORGANISATION
@click.option("--register", "factory_number", help="For one register; without it the token is a gateway's.")
@click.option("--name", required=True, help="What the token is for.")
def issue_token(number: str, factory_number: str | None, name: str) -> None:
    """Issue a token; it is printed once and cannot be shown again."""
    with _deed() as (session, _vault):
        company = _get_organisation(session, number)
        register_id = None
        if factory_number is not None:
            found = find_register_by_factory_number(session, company.id, factory_number)
            if found is None:
                raise click.ClickException(f"the organisation has no register {factory_number}")
            register_id = found.id
        issued = registers.issue_token(
            session, company.id, name=name, register_id=register_id, at=clock.now()
        )
    click.echo(issued)


@token.command("revoke")
@ORGANISATION
@click.argument("sender_id", type=int)
def revoke_token(number: str, sender_id: int) -> None:
    """Take a token back: SENDER_ID is the second number in it (kt_1_SENDER_…)."""
    with _deed() as (session, _vault):
        company = _get_organisation(session, number)
        registers.revoke_token(session, company.id, sender_id, at=clock.now())
    click.echo(f"Sender {sender_id} may not stream any more.")
