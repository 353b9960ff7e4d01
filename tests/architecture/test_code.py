"""Habits that types and linters cannot see: who commits, whose clock it is, and that no task waits."""

from __future__ import annotations

from tests.architecture.code import calls

CLOCK = "app/core/clock.py"
# these have no transaction, whose business time they could take
OUTSIDE_TRANSACTIONS = {
    "app/adapters/payments/books.py": "the gateways' books are no tables of ours, and say when money came",
    "app/adapters/payments/webhooks.py": "a message says when it was sent",
    "app/http/limits.py": "limits are counted by the machine's time, in Redis or before the request's transaction",
    "app/http/tokens.py": "a token is verified before there is a transaction, and by other programs",
    "app/adapters/mail/posting.py": "the Date of a mail is when it leaves",
}
MAY_SLEEP = {
    "app/embedded/processes.py": "waits for a server to start",
    "app/domains/workflows/store/run.py": "the quarter second of a retry in place",
}
# the unit of work begins and commits; the provisioner's connections are no sessions
UNIT_OF_WORK = "app/core/db.py"


def _where(*names: str) -> set[str]:
    """The files that call something of which the written name ends like this."""
    return {path for path, _, called in calls() if called.endswith(names)}


def test_nobody_commits_but_the_unit_of_work() -> None:
    assert _where(".commit", ".rollback") <= {UNIT_OF_WORK}
    assert _where("session.begin") == set()
    assert _where("driver.commit", "session.commit") == {UNIT_OF_WORK}


def test_nobody_reads_a_clock_but_the_clock() -> None:
    direct = _where("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time")
    # kombu notes by the machine's seconds since when a message is not acknowledged
    assert direct - {CLOCK} == {"app/http/limits.py", "pipelines/broker.py"}


def test_machine_time_is_for_what_has_no_transaction() -> None:
    assert _where("utc_now") - {CLOCK} == set(OUTSIDE_TRANSACTIONS)


def test_no_time_is_made_without_a_zone() -> None:
    naive = [
        f"{path}:{call.lineno}"
        for path, call, called in calls()
        if called.endswith(("datetime.now", "fromtimestamp", "strptime")) and not _says_zone(call)
    ]
    assert naive == []


def _says_zone(call: object) -> bool:
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]  # type: ignore[attr-defined]
    return any("UTC" in getattr(each, "id", "") + getattr(each, "attr", "") for each in arguments)


def test_nobody_sleeps_where_it_is_not_allowed() -> None:
    assert _where("time.sleep") == set(MAY_SLEEP)


def test_nobody_waits_for_a_task() -> None:
    """A dictionary's `.get` names a key; one without a key waits for a result."""
    waiting = [
        f"{path}:{call.lineno}"
        for path, call, called in calls()
        if called.endswith(("AsyncResult", "ResultSet", "GroupResult"))
        or (called.endswith(".get") and not call.args and not called.startswith("_ABOUT"))
    ]
    assert waiting == []
