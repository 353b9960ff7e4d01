"""`turnup user`: who may sign in."""

from __future__ import annotations

import secrets
import sys

import click

from app.cli.errors import Failed
from app.cli.installation import acting_as
from app.cli.output import json_option, owner_option, print_json
from app.domains.tenants import service as tenants
from app.domains.tenants.schemas import UserOut

GENERATED_BYTES = 18


@click.group()
def user() -> None:
    """Users of a tenant."""


@user.command("create")
@click.argument("email")
@click.option(
    "--role", "roles", multiple=True, required=True, help="A role, such as sales, operations, platform_admin."
)
@click.option("--name", help="What to call them.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--generate", is_flag=True, help="Make a password and print it.")
@owner_option
@json_option
def create_user(
    email: str,
    roles: tuple[str, ...],
    name: str | None,
    owner: str | None,
    *,
    password_stdin: bool,
    generate: bool,
    as_json: bool,
) -> None:
    """Make a user with these roles. The password is asked for, unless an option says where it comes from."""
    password = _password(from_stdin=password_stdin, generate=generate)
    with acting_as(owner) as session:
        made = tenants.create_user(session, email=email, password=password, roles=roles, name=name)
        document = UserOut().dump(made)
    if as_json:
        print_json(document | ({"password": password} if generate else {}))
        return
    click.echo(f"The user {document['email']} is made, with the role{'s' * (len(roles) > 1)} {', '.join(roles)}.")
    if generate:
        click.echo(f"Password: {password}")


def _password(*, from_stdin: bool, generate: bool) -> str:
    if generate:
        return secrets.token_urlsafe(GENERATED_BYTES)
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Failed("There is no terminal to ask for the password: use --password-stdin or --generate.")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password
