"""`turnup doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click
from cryptography.fernet import Fernet

from app.cli.doctor.checks import all_findings
from app.cli.doctor.findings import Finding, wrong
from app.cli.installation import settings
from app.cli.output import json_option, print_json, print_table
from app.core.settings import ConfigurationError

NOT_WELL = 1

_WORDS = {True: "ok", None: "look at", False: "WRONG"}


@click.command()
@click.option("--new-key", is_flag=True, help="Only make a key for TURNUP_SEALING_KEYS and print it.")
@json_option
def doctor(*, new_key: bool, as_json: bool) -> None:
    """Check everything that is needed, and say what to do. The exit code is 1 when something is wrong."""
    if new_key:
        key = Fernet.generate_key().decode()
        if as_json:
            print_json({"key": key})
        else:
            click.echo(key)
        return
    findings = _findings()
    is_well = all(finding.is_fine is not False for finding in findings)
    if as_json:
        print_json({"ok": is_well, "checks": [asdict(finding) for finding in findings]})
    else:
        print_table(("What", "", "Found"), ((f.name, _WORDS[f.is_fine], f.said) for f in findings), wrap=("Found",))
        _advise(findings)
    if not is_well:
        raise click.exceptions.Exit(NOT_WELL)


def _findings() -> list[Finding]:
    try:
        return list(all_findings(settings()))
    except ConfigurationError as error:
        advice = "Put the environment right: the README has a table of all settings."
        return [wrong("settings", error, advice)]


def _advise(findings: list[Finding]) -> None:
    advised: dict[str, list[str]] = {}
    for finding in findings:
        if finding.advice:
            advised.setdefault(finding.advice, []).append(finding.name)
    click.echo()
    for advice, names in advised.items():
        click.echo(f"{', '.join(names)}: {advice}")
    if not advised:
        click.echo("Everything is as it should be.")
