"""What is where, for the person at the screen and as a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from app.cli.up.kept import FILE
from app.cli.up.sample import Sample
from app.cli.up.servers import Installation

GENERATED = "generated"


def document(installation: Installation, sample: Sample | None, *, logs: Path) -> dict[str, Any]:
    """Every address, with the logins that belong to them. A password that was set from outside is not repeated."""
    settings = installation.settings
    var = settings.var_dir
    found: dict[str, Any] = {
        "api": f"{settings.public_url}/api/v1",
        "docs": f"{settings.public_url}/docs",
        "redoc": f"{settings.public_url}/redoc",
        "openapi": f"{settings.public_url}/openapi.json",
        "flower": f"http://127.0.0.1:{settings.flower_port}/flower/",
        "flower_user": settings.flower_user,
        "administrator": settings.admin_email,
        "mails": str(var / "mail") if installation.keeps_mail else None,
        "logs": str(logs),
        "passwords": str(var / FILE),
        "environment": str(var / "run" / "environment"),
        "sample": None,
    }
    if sample is not None:
        found["sample"] = {
            "order_id": sample.order_id,
            "order_number": sample.order_number,
            "slug": sample.slug,
            "activation_url": sample.url,
        }
    return found


def show(console: Console, found: dict[str, Any], *, administrator_password: str, flower_password: str) -> None:
    """The same as lines."""
    lines = [
        ("API", found["api"]),
        ("Documentation", f"{found['docs']}   {found['redoc']}   {found['openapi']}"),
        ("Administrator", f"{found['administrator']}   password: {administrator_password}"),
        ("Flower", f"{found['flower']}   {found['flower_user']}   password: {flower_password}"),
    ]
    if sample := found["sample"]:
        lines.append(("Sample tenant", f"{sample['activation_url']}   (order {sample['order_number']})"))
    if found["mails"]:
        lines.append(("Mails", found["mails"]))
    lines += [
        ("Logs", found["logs"]),
        ("Passwords", f"{found['passwords']}   (yours alone to read)"),
    ]
    console.print()
    for name, text in lines:
        console.print(f"  {name:<15}{text}", soft_wrap=True)
    console.print()
