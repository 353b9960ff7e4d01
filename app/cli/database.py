"""`turnup db`, `turnup migrate`, `turnup seed`: making a database ready."""

from __future__ import annotations

import click

from app.cli.errors import Failed
from app.cli.installation import ADMIN_DATABASE_URL, environment, opened, settings
from app.cli.output import json_option, print_json
from app.core import bootstrap, schema
from app.core.ids import OPERATOR_ID
from app.domains.tenants import service as tenants
from app.seeds import seed as plant


@click.group()
def db() -> None:
    """The database itself."""


@db.command("bootstrap")
@click.option("--admin-url", metavar="URL", help=f"Of a role that may make roles (default: {ADMIN_DATABASE_URL}).")
@json_option
def bootstrap_database(admin_url: str | None, *, as_json: bool) -> None:
    """Make the four roles, the database and its extensions, as the four database URLs name them.

    May be run again: it sets passwords, limits and grants, and drops nothing.
    """
    admin_url = admin_url or environment().get(ADMIN_DATABASE_URL)
    if not admin_url:
        raise Failed(f"Name the administrator of the database server: --admin-url, or {ADMIN_DATABASE_URL}.")
    made = bootstrap.bootstrap(admin_url, settings())
    if as_json:
        print_json({"made": made})
        return
    click.echo("\n".join(made) or "Everything was there already; passwords, limits and grants are set again.")


@click.command()
@click.option("--to", "revision", default="head", show_default=True, help="The revision to go up to.")
@json_option
def migrate(revision: str, *, as_json: bool) -> None:
    """Bring the database's tables up to date, as the tables' owner (MIGRATION_DATABASE_URL)."""
    schema.upgrade(settings(), revision)
    shown = schema.head() if revision == "head" else revision
    if as_json:
        print_json({"revision": shown})
        return
    click.echo(f"The database is at revision {shown}.")


@click.command()
@json_option
def seed(*, as_json: bool) -> None:
    """Add what a new installation begins with; what is there already, or was edited, stays as it is.

    The administrator is made when TURNUP_ADMIN_PASSWORD is set and nobody has TURNUP_ADMIN_EMAIL.
    """
    with opened() as world:
        installed = plant(world)
        email, password = world.settings.admin_email, world.settings.admin_password
        made = False
        if password:
            with world.database.transaction(OPERATOR_ID) as session:
                made = tenants.seed_administrator(session, email=email, password=password)
    if as_json:
        print_json({"workflows": installed, "administrator": email if made else None})
        return
    click.echo("The catalogue, packages, templates, mails and activation workflow are there.")
    click.echo(f"Workflows installed: {', '.join(installed)}." if installed else "All built-in workflows were there.")
    if made:
        click.echo(f"The administrator {email} is made.")
    elif not password:
        click.echo(
            "No administrator was made, since TURNUP_ADMIN_PASSWORD is not set: see `turnup user create --help`."
        )
