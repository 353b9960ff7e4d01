"""Text messages: what both gateways promise, and what each does by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.adapters.sms import registry
from app.adapters.sms.errors import SmsRefused, SmsUnavailable
from app.adapters.sms.http_gateway import HttpSmsGateway
from app.adapters.sms.port import Sms, SmsGateway
from app.adapters.sms.spool import SmsSpool
from app.core.settings import Settings
from app.embedded.machine import free_port
from tests.listening import Listening, listening

SMS = Sms(id="019ab-7", to="+4930123456", text="Grüße №1")


@dataclass
class Bench:
    """A gateway, what has arrived behind it, and a way to take it away."""

    gateway: SmsGateway
    arrived: Callable[[], list[dict[str, str]]]
    break_: Callable[[], None]


@pytest.fixture
def server() -> Iterator[Listening]:
    with listening() as server:
        yield server


@pytest.fixture(params=["http", "spool"])
def bench(request: pytest.FixtureRequest, server: Listening, tmp_path: Path) -> Bench:
    if request.param == "http":

        def by_key() -> list[dict[str, str]]:
            """A gateway takes one message per Idempotency-Key."""
            return list({headers["Idempotency-Key"]: document for _, headers, document in server.asked}.values())

        return Bench(HttpSmsGateway(server.url, "t0ken"), by_key, lambda: setattr(server, "status", 503))
    folder = tmp_path / "sms"

    def put_a_file_in_its_place() -> None:
        for file in folder.iterdir() if folder.exists() else ():
            file.unlink()
        if folder.exists():
            folder.rmdir()
        folder.write_text("")

    def files() -> list[dict[str, str]]:
        return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.iterdir())]

    return Bench(SmsSpool(folder), files, put_a_file_in_its_place)


def test_a_message_arrives_whole(bench: Bench) -> None:
    bench.gateway.send(SMS)
    assert bench.arrived() == [{"id": SMS.id, "to": SMS.to, "text": SMS.text}]


def test_the_same_id_is_one_message(bench: Bench) -> None:
    bench.gateway.send(SMS)
    bench.gateway.send(SMS)
    bench.gateway.send(replace(SMS, id="019ab-8"))
    assert [each["id"] for each in bench.arrived()] == ["019ab-7", "019ab-8"]


def test_what_works_is_found_to_work_and_what_does_not_is_not(bench: Bench) -> None:
    bench.gateway.check()
    bench.break_()
    with pytest.raises(SmsUnavailable):
        bench.gateway.check()
    with pytest.raises(SmsUnavailable) as caught:
        bench.gateway.send(SMS)
    assert SMS.text not in str(caught.value)


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_final_no_is_final(server: Listening, status: int) -> None:
    server.status = status
    with pytest.raises(SmsRefused, match=str(status)):
        HttpSmsGateway(server.url, "").send(SMS)


@pytest.mark.parametrize("status", [302, 401, 403, 404, 408, 429, 500, 503])
def test_not_now_is_no_refusal(server: Listening, status: int) -> None:
    server.status = status
    with pytest.raises(SmsUnavailable, match=str(status)):
        HttpSmsGateway(server.url, "").send(SMS)


def test_the_token_is_used_and_never_told(server: Listening) -> None:
    HttpSmsGateway(server.url, "t0ken").send(SMS)
    assert server.asked[0][1]["Authorization"] == "Bearer t0ken"
    server.status = 401
    with pytest.raises(SmsUnavailable) as caught:
        HttpSmsGateway(server.url, "t0ken").check()
    assert "t0ken" not in str(caught.value)


def test_an_absent_gateway_is_unavailable() -> None:
    with pytest.raises(SmsUnavailable, match="ConnectError"):
        HttpSmsGateway(f"http://127.0.0.1:{free_port()}/", "").send(SMS)


def test_a_spooled_message_is_nobody_elses_to_read(tmp_path: Path) -> None:
    SmsSpool(tmp_path / "sms").send(SMS)
    (file,) = (tmp_path / "sms").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("identity", ["", "../up", "a/b", "x" * 65])
def test_a_spooled_message_stays_in_its_folder(tmp_path: Path, identity: str) -> None:
    with pytest.raises(SmsRefused):
        SmsSpool(tmp_path / "sms").send(replace(SMS, id=identity))


def test_the_gateway_is_the_one_that_is_configured(settings: Settings) -> None:
    assert isinstance(registry.configured(settings), SmsSpool)
    configured = replace(settings, sms_gateway_url="https://sms.example.com/send", sms_gateway_token="t")
    assert isinstance(registry.configured(configured), HttpSmsGateway)
    assert replace(settings, sms_gateway_url="ftp://x").faults() == [
        "SMS_GATEWAY_URL must begin with http:// or https://."
    ]
