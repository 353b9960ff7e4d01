"""Licenses on the database: issued once, ended for good, signed by keys that others can check."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import OperationalError

from app.core.audit import AuditEntry
from app.core.clock import now
from app.core.errors import Invalid, NotFound
from app.core.events import OutboxEvent
from app.core.ids import new_id
from app.core.secrets import SealedSecret
from app.domains.customers import service as customers
from app.domains.licensing import queries, service
from app.domains.licensing.errors import (
    LicenseIssuedToAnother,
    LicenseNotFound,
    LicenseStateForbids,
    LicenseTemplateCodeTaken,
    LicenseTemplateInUse,
    LicenseTemplateNotFound,
    TooManySigningKeys,
)
from app.domains.licensing.models import License, LicenseSigningKey, LicenseTemplate
from app.domains.licensing.rules.states import Finding
from app.jobs import JOBS

PRODUCTS = ["router-os"]


@pytest.fixture
def issue(database, seller, customer):
    """A function that issues a license in a transaction of its own."""

    def issued(**params):
        wanted = {"customer_id": customer, "key": f"test/{new_id()}", "template": "standard", **params}
        with database.transaction(seller) as session:
            return service.issue_license(session, **wanted)

    return issued


def told(session, license_id):
    return session.scalars(
        select(OutboxEvent).where(OutboxEvent.subject == f"license/{license_id}").order_by(OutboxEvent.position)
    ).all()


def claims_of(session, token):
    """What a token says, checked with the published keys alone."""
    published = jwt.PyJWKSet.from_dict({"keys": list(service.public_keys(session))})
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.decode(token, published[kid], algorithms=["EdDSA"], options={"verify_iat": False})


def test_a_license_is_issued_from_a_template_by_its_code_or_id(database, seller, customer, issue):
    by_code = issue(seats=7, features={"sso": True})
    assert (by_code.products, by_code.seats, by_code.features) == (["isp-platform"], 7, {"sso": True})
    assert (by_code.status, by_code.expires_at) == ("active", None)
    with database.transaction(seller) as session:
        template = service.find_template(session, template="standard")
        assert by_code.template_id == template.id
    assert issue(template=str(template.id)).template_id == issue(template=template.id).template_id == template.id
    with database.transaction(seller) as session:
        (event,) = told(session, by_code.id)
        assert event.type == "license.issued"
        assert event.data["customer_id"] == str(customer)
        acts = session.scalars(select(AuditEntry).where(AuditEntry.object == f"license/{by_code.id}")).all()
        assert [act.action for act in acts] == ["license.issued"]
        # who knows the key may use the license
        assert by_code.license_key not in f"{event.data} {acts[0].after}"


def test_a_license_is_issued_for_products_without_a_template(issue):
    issued = issue(template=None, products=PRODUCTS, term_months=1)
    assert (issued.products, issued.seats, issued.template_id) == (PRODUCTS, 1, None)
    assert issued.expires_at is not None
    assert timedelta(days=28) <= issued.expires_at - issued.issued_at <= timedelta(days=31)


def test_the_end_is_the_given_one_before_the_given_term_before_the_template_s(database, seller, issue):
    with database.transaction(seller) as session:
        service.create_template(
            session, fields={"code": "yearly", "name": "Yearly", "products": PRODUCTS, "term_months": 12}
        )
    of_template = issue(template="yearly")
    assert of_template.expires_at.year == of_template.issued_at.year + 1
    of_term = issue(template="yearly", term_months=24)
    assert of_term.expires_at.year == of_term.issued_at.year + 2
    end = datetime(2999, 1, 31, tzinfo=UTC)
    assert issue(template="yearly", term_months=24, expires_at=end).expires_at == end


@pytest.mark.parametrize(
    ("wrong", "pointers"),
    [
        ({"template": None}, ["/license_template_id"]),
        ({"seats": 0, "term_months": 0}, ["/seats", "/term_months"]),
        ({"template": None, "products": ["Not A Code"]}, ["/products/0"]),
        ({"expires_at": datetime(2001, 1, 1, tzinfo=UTC)}, ["/expires_at"]),
    ],
)
def test_what_is_wrong_is_named_all_at_once(issue, wrong, pointers):
    with pytest.raises(Invalid) as refused:
        issue(**wrong)
    assert [fault.pointer for fault in refused.value.faults] == pointers


def test_nothing_is_issued_to_strangers_or_from_what_does_not_exist(database, seller, issue):
    with pytest.raises(NotFound):
        issue(customer_id=new_id())
    for unknown in ("unknown", str(new_id())):
        with pytest.raises(LicenseTemplateNotFound, match=unknown):
            issue(template=unknown)
    with database.transaction(seller) as session:
        template = service.find_template(session, template="standard")
        service.update_template(session, template_id=template.id, fields={"is_active": False})
    with pytest.raises(Invalid, match="not active"):
        issue()


def test_asking_again_finds_the_license_until_it_is_revoked(database, seller, new_customer, issue):
    key = f"step/{new_id()}"
    first = issue(key=key)
    assert issue(key=key, seats=99).id == first.id
    assert issue(key=f"{key}/other").id != first.id
    with pytest.raises(LicenseIssuedToAnother):
        issue(key=key, customer_id=new_customer())
    with database.transaction(seller) as session:
        service.revoke_license(session, license_id=first.id, reason="undone")
    again = issue(key=key)
    assert (again.id != first.id, again.status) == (True, "active")


def test_asking_at_the_same_time_makes_one_license(database, seller, issue):
    key = f"step/{new_id()}"
    with ThreadPoolExecutor(4) as pool:
        ids = {each.id for each in pool.map(lambda _: issue(key=key), range(8))}
    assert len(ids) == 1


def test_a_subscription_has_one_license_of_the_same_products(issue):
    subscription_id = new_id()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: issue(subscription_id=subscription_id), range(8)))
    assert len({each.id for each in made}) == 1
    other_products = issue(subscription_id=subscription_id, template=None, products=PRODUCTS)
    assert other_products.id != made[0].id
    assert issue(subscription_id=new_id()).id != made[0].id


def test_the_first_key_is_made_once_however_many_ask(database, seller, issue):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: issue(), range(8)))
    assert len({each.id for each in made}) == len({each.license_key for each in made}) == 8
    with database.transaction(seller) as session:
        assert session.scalar(select(func.count()).select_from(LicenseSigningKey)) == 1
        assert session.scalar(select(func.count()).select_from(SealedSecret)) == 1


def test_a_token_says_what_was_issued(database, seller, customer, issue):
    issued = issue(seats=3, features={"sso": True}, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
    with database.transaction(seller) as session:
        claims = claims_of(session, issued.token)
    assert claims == {
        "iss": str(seller),
        "jti": str(issued.id),
        "sub": str(customer),
        "iat": int(issued.issued_at.timestamp()),
        "exp": 32472144000,
        "license_key": issued.license_key,
        "products": ["isp-platform"],
        "features": {"sso": True},
        "seats": 3,
    }


def test_after_a_rotation_old_tokens_pass_and_the_old_key_signs_no_more(database, seller, issue):
    before = issue()
    with database.transaction(seller) as session:
        service.rotate_signing_key(session)
    after = issue()
    with database.transaction(seller) as session:
        assert [claims_of(session, each.token)["jti"] for each in (before, after)] == [str(before.id), str(after.id)]
        assert len({jwt.get_unverified_header(each.token)["kid"] for each in (before, after)}) == 2
        keys = session.scalars(select(LicenseSigningKey).order_by(LicenseSigningKey.id)).all()
        assert [(key.private_key is None, key.retired_at is None) for key in keys] == [(True, False), (False, True)]
        # the private half is gone, not only forgotten
        assert session.scalar(select(func.count()).select_from(SealedSecret)) == 1


def test_rotating_while_licenses_are_issued_breaks_none(database, seller, issue):
    def act(number):
        if number % 3:
            return issue()
        with database.transaction(seller) as session:
            return service.rotate_signing_key(session)

    with ThreadPoolExecutor(4) as pool:
        made = [each for each in pool.map(act, range(12)) if isinstance(each, License)]
    with database.transaction(seller) as session:
        assert [claims_of(session, each.token)["jti"] for each in made] == [str(each.id) for each in made]


def test_a_key_is_not_retired_while_somebody_signs_with_it(database, seller, customer, issue):
    issue()
    with database.transaction(seller) as signing, database.transaction(seller) as rotating:
        service.issue_license(signing, customer_id=customer, key="test", template="standard")
        rotating.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            service.rotate_signing_key(rotating)
        rotating.rollback()


def test_no_key_is_made_that_would_push_another_out_of_what_is_published(database, seller, issue, monkeypatch):
    issue()
    monkeypatch.setattr(queries, "MAX_KEYS", 2)
    with database.transaction(seller) as session:
        service.rotate_signing_key(session)
        with pytest.raises(TooManySigningKeys):
            service.rotate_signing_key(session)
        assert len(service.public_keys(session)) == 2


def test_the_private_key_is_kept_sealed_only(database, seller, issue):
    issue()
    with database.transaction(seller) as session:
        row = session.execute(text("SELECT k::text FROM license_signing_keys k")).scalar_one()
        sealed = session.scalars(select(SealedSecret.sealed)).one()
    assert "PRIVATE" not in row
    assert b"PRIVATE" not in sealed


def test_revoking_is_for_good_and_twice_is_the_same(database, seller, issue):
    issued = issue()
    for reason in ("not paid", "again"):
        with database.transaction(seller) as session:
            revoked = service.revoke_license(session, license_id=issued.id, reason=reason)
            assert (revoked.status, revoked.revoke_reason) == ("revoked", "not paid")
    with database.transaction(seller) as session:
        events = told(session, issued.id)
        assert [event.type for event in events] == ["license.issued", "license.revoked"]
        assert events[1].data["reason"] == "not paid"
        with pytest.raises(LicenseStateForbids, match="revoked"):
            service.resume_license(session, license_id=issued.id)
        with pytest.raises(LicenseStateForbids, match="revoked"):
            service.suspend_license(session, license_id=issued.id, reason="late")
        with pytest.raises(LicenseNotFound):
            service.revoke_license(session, license_id=new_id(), reason="x")


def test_a_suspended_license_is_not_used_until_it_is_resumed(database, seller, issue):
    issued = issue()
    with database.transaction(seller) as session:

        def found():
            return service.verify(session, license_key=issued.license_key)

        assert found().is_valid
        for _ in range(2):
            service.suspend_license(session, license_id=issued.id, reason="late")
            assert (found().finding, found().is_valid) == (Finding.SUSPENDED, False)
        for _ in range(2):
            service.resume_license(session, license_id=issued.id)
            assert found().is_valid
        session.flush()
        acts = session.scalars(
            select(AuditEntry.action).where(AuditEntry.object == f"license/{issued.id}").order_by(AuditEntry.id)
        ).all()
        assert acts == ["license.issued", "license.suspended", "license.resumed"]


def age(database, owner, *ids):
    """Licenses whose time is over since an hour."""
    with database.transaction(owner) as session:
        end = now(session) - timedelta(hours=1)
        session.execute(
            update(License).where(License.id.in_(ids)).values(issued_at=end - timedelta(days=30), expires_at=end)
        )


@pytest.mark.parametrize("same", [{"key": "a step"}, {"subscription_id": new_id()}])
def test_what_is_over_is_no_answer_to_asking_again(database, seller, issue, same):
    ended = issue(**same)
    age(database, seller, ended.id)
    again = issue(**same)
    assert again.id != ended.id
    assert issue(**same).id == again.id
    with database.transaction(seller) as session:
        assert service.get_license(session, license_id=ended.id).status == "expired"


def test_a_key_is_judged_by_its_form_and_by_the_state_of_its_license(database, seller, issue):
    issued, ended = issue(), issue()
    age(database, seller, ended.id)
    with database.transaction(seller) as session:

        def said(typed):
            return service.verify(session, license_key=typed).finding

        assert said(issued.license_key.lower().replace("-", " ")) is Finding.VALID
        assert said(f"{issued.license_key[:-1]}?") is Finding.MALFORMED
        assert said("22222-22222-22222-22222-22222") is Finding.UNKNOWN
        assert said(ended.license_key) is Finding.EXPIRED
        with pytest.raises(LicenseStateForbids, match="expired"):
            service.resume_license(session, license_id=ended.id)


def test_what_is_over_expires_once_and_the_rest_goes_on(world, database, seller, issue):
    ended = [issue(), issue()]
    with database.transaction(seller) as session:
        service.suspend_license(session, license_id=ended[1].id, reason="late")
    rest = [issue(), issue(term_months=1)]
    age(database, seller, *(each.id for each in ended))

    def expire(_):
        with world.across.transaction() as session:
            return service.expire_licenses(session, limit=1)

    with ThreadPoolExecutor(2) as pool:
        while any(pool.map(expire, range(2))):
            pass
    with database.transaction(seller) as session:
        statuses = [service.get_license(session, license_id=each.id).status for each in (*ended, *rest)]
        assert statuses == ["expired", "expired", "active", "active"]
        noted = session.scalars(select(AuditEntry.object).where(AuditEntry.action == "license.expired")).all()
        assert sorted(noted) == sorted(f"license/{each.id}" for each in ended)
        assert service.revoke_license(session, license_id=ended[0].id, reason="fraud").status == "revoked"


def test_beat_s_job_notes_the_end(world, database, seller, issue):
    ended = issue()
    age(database, seller, ended.id)
    assert re.fullmatch(r"[1-9][0-9]* licenses expired[.]", JOBS["expire_licenses"].run(world))
    with database.transaction(seller) as session:
        assert service.get_license(session, license_id=ended.id).status == "expired"


def test_beat_reads_by_an_index(world):
    with world.across.transaction() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        statement = queries.to_expire(at=datetime(2001, 1, 31, tzinfo=UTC), limit=10)
        compiled = statement.compile(session.connection(), compile_kwargs={"literal_binds": True})
        plan = "\n".join(session.scalars(text(f"EXPLAIN {compiled}".replace(":", "\\:"))))
    assert "ix_licenses_to_expire" in plan


def test_another_owner_sees_no_license_and_no_key(database, world, seller, issue):
    issued = issue()
    stranger = new_id()
    with database.transaction(stranger) as session:
        assert service.public_keys(session) == []
        assert service.verify(session, license_key=issued.license_key).finding is Finding.UNKNOWN
        with pytest.raises(LicenseNotFound):
            service.get_license(session, license_id=issued.id)
        with pytest.raises(LicenseTemplateNotFound):
            service.find_template(session, template="standard")


def test_a_customer_with_licenses_stays(database, seller, customer, issue):
    issue()
    with database.transaction(seller) as session:
        assert customers.delete_customer(session, customer_id=customer) is customers.Removal.DEACTIVATED


def fields(**more):
    return {"code": f"t-{new_id().hex}", "name": "T", "products": PRODUCTS, **more}


def test_a_code_is_taken_once_and_the_transaction_goes_on(database, seller):
    with database.transaction(seller) as session:
        first = service.create_template(session, fields=fields())
        with pytest.raises(LicenseTemplateCodeTaken):
            service.create_template(session, fields=fields(code=first.code))
        assert service.find_template(session, template=first.code).id == first.id


def test_what_a_template_cannot_be_is_named_all_at_once(database, seller):
    with database.transaction(seller) as session:
        with pytest.raises(Invalid) as refused:
            service.create_template(session, fields=fields(code="Not A Code", products=[], term_months=0))
        assert [fault.pointer for fault in refused.value.faults] == ["/code", "/products", "/term_months"]
        with pytest.raises(Invalid, match="owner_id"):
            service.create_template(session, fields=fields(owner_id=str(seller)))


def test_licenses_keep_what_they_were_issued_with(database, seller, issue):
    issued = issue()
    with database.transaction(seller) as session:
        template = service.find_template(session, template="standard")
        service.update_template(session, template_id=template.id, fields={"products": PRODUCTS, "seats": 50})
    with database.transaction(seller) as session:
        kept = service.get_license(session, license_id=issued.id)
        assert (kept.products, kept.seats) == (["isp-platform"], 5)
    assert issue().products == PRODUCTS


def test_a_template_is_deleted_while_nothing_was_issued_from_it(database, seller, issue):
    with database.transaction(seller) as session:
        unused = service.create_template(session, fields=fields())
        service.delete_template(session, template_id=unused.id)
        with pytest.raises(LicenseTemplateNotFound):
            service.get_template(session, template_id=unused.id)
    issued = issue()
    with database.transaction(seller) as session:
        with pytest.raises(LicenseTemplateInUse, match="inactive"):
            service.delete_template(session, template_id=issued.template_id)
        assert service.get_template(session, template_id=issued.template_id).code == "standard"


def test_seeding_again_changes_nothing_that_was_edited(database, seller):
    with database.transaction(seller) as session:
        template = service.find_template(session, template="standard")
        service.update_template(session, template_id=template.id, fields={"name": "Ours"})
    with database.transaction(seller) as session:
        service.seed(session)
        assert session.scalars(select(LicenseTemplate.name)).all() == ["Ours"]
