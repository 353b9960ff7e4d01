"""Tenants and users, and how long one stays signed in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.audit import AuditEntry
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.tenants import service
from app.domains.tenants.errors import EmailTaken, SlugTaken
from app.domains.tenants.models import RefreshToken, Role, Tenant, User
from app.domains.tenants.rules import SEEDED_ROLES
from tests.domains.tenants.accounts import PASSWORD, Account, fresh_email, fresh_slug

Accounts = Callable[..., Account]


def _signed_in(world: World, account: Account) -> service.Grant:
    with world.across.transaction() as session:
        identity = service.authenticate(session, email=account.email, password=account.password)
        assert identity is not None
        return service.open_session(session, identity=identity, days=30)


def _refreshed(world: World, token: str) -> service.Grant | None:
    with world.across.transaction() as session:
        return service.refresh(session, token=token, days=30)


def _acts(world: World, owner_id: UUID) -> list[str]:
    with world.database.transaction(owner_id) as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


class TestTenants:
    def test_the_operator_owns_itself(self, world: World) -> None:
        with world.database.transaction(OPERATOR_ID) as session:
            operator = service.get_tenant(session, tenant_id=OPERATOR_ID)
            assert (operator.slug, operator.owner_id) == ("operator", OPERATOR_ID)

    def test_a_new_tenant_belongs_to_who_made_it_and_sees_itself(self, world: World) -> None:
        slug = fresh_slug()
        with world.database.transaction(OPERATOR_ID) as session:
            made = service.create_tenant(session, name="Example ISP", slug=slug, settings={"order_id": 7})
        assert made.owner_id == OPERATOR_ID
        with world.database.transaction(made.id) as session:
            itself = service.find_by_slug(session, slug=slug)
            assert itself is not None
            assert itself.settings == {"order_id": 7}
            assert len(session.scalars(service.all_tenants()).all()) == 1

    def test_a_tenant_does_not_exist_for_another(self, world: World, new_tenant: Callable[[], UUID]) -> None:
        one, other = new_tenant(), new_tenant()
        with world.database.transaction(one) as session, pytest.raises(NotFound):
            service.get_tenant(session, tenant_id=other)

    def test_a_slug_is_taken_once_across_owners(self, world: World, new_tenant: Callable[[], UUID]) -> None:
        slug = fresh_slug()
        with world.database.transaction(OPERATOR_ID) as session:
            assert service.slug_is_free(session, slug=slug)
            service.create_tenant(session, name="One", slug=slug)
        with world.database.transaction(new_tenant()) as session:
            assert not service.slug_is_free(session, slug=slug)
            with pytest.raises(SlugTaken) as refused:
                service.create_tenant(session, name="Two", slug=slug)
            # the transaction goes on: a taken slug is an answer, not an accident
            assert session.scalar(select(1)) == 1
        assert refused.value.faults[0].pointer == "/slug"

    def test_of_two_at_once_one_gets_the_slug(self, world: World) -> None:
        slug, both = fresh_slug(), threading.Barrier(2)

        def make(_: int) -> bool:
            with world.database.transaction(OPERATOR_ID) as session:
                both.wait(timeout=10)
                try:
                    service.create_tenant(session, name="Racer", slug=slug)
                except SlugTaken:
                    return False
                return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(make, range(2))) == [False, True]

    @pytest.mark.parametrize("slug", ["www", "-x-", "UPPER"])
    def test_a_slug_that_cannot_be_is_refused(self, world: World, slug: str) -> None:
        with world.database.transaction(OPERATOR_ID) as session, pytest.raises(Invalid):
            service.create_tenant(session, name="X", slug=slug)

    def test_deleting_takes_users_and_roles_along_and_may_be_repeated(
        self, world: World, new_account: Accounts
    ) -> None:
        account = new_account("sales")
        _signed_in(world, account)
        for _ in range(2):
            with world.database.transaction(OPERATOR_ID) as session:
                service.delete_tenant(session, tenant_id=account.owner_id)
        with world.across.transaction() as session:
            assert session.get(Tenant, account.owner_id) is None
            assert session.get(User, account.user_id) is None
            assert not session.scalars(select(Role).where(Role.owner_id == account.owner_id)).all()
            assert not session.scalars(select(RefreshToken).where(RefreshToken.user_id == account.user_id)).all()

    def test_a_tenant_cannot_delete_another_nor_the_operator_itself(
        self, world: World, new_tenant: Callable[[], UUID]
    ) -> None:
        one, other = new_tenant(), new_tenant()
        with world.database.transaction(one) as session:
            service.delete_tenant(session, tenant_id=other)
        with world.database.transaction(OPERATOR_ID) as session:
            service.delete_tenant(session, tenant_id=OPERATOR_ID)
            assert service.get_tenant(session, tenant_id=other)
            assert service.get_tenant(session, tenant_id=OPERATOR_ID)


class TestUsers:
    def test_roles_are_seeded_once_and_edits_stay(self, world: World, new_tenant: Callable[[], UUID]) -> None:
        owner_id = new_tenant()
        with world.database.transaction(owner_id) as session:
            service.ensure_roles(session)
            sales = session.scalars(select(Role).where(Role.name == "sales")).one()
            sales.permissions = ["order.read"]
        with world.database.transaction(owner_id) as session:
            service.ensure_roles(session)
            sales = session.scalars(select(Role).where(Role.name == "sales")).one()
            assert sales.permissions == ["order.read"]

    def test_only_the_operator_has_the_role_that_may_everything(
        self, world: World, new_tenant: Callable[[], UUID]
    ) -> None:
        with world.database.transaction(OPERATOR_ID) as session:
            service.seed(session)
            assert "platform_admin" in {role.name for role in session.scalars(service.all_roles())}
        with world.database.transaction(new_tenant()) as session:
            service.ensure_roles(session)
            names = {role.name for role in session.scalars(service.all_roles())}
            assert "tenant_admin" in names
            assert "platform_admin" not in names

    def test_the_operator_s_name_is_set_until_somebody_edits_it(self, world: World) -> None:
        with world.database.transaction(OPERATOR_ID) as session:
            operator = service.get_tenant(session, tenant_id=OPERATOR_ID)
            operator.name = "Operator"
            service.seed(session, operator_name="Acme")
            assert operator.name == "Acme"
            service.seed(session, operator_name="Other")
            assert operator.name == "Acme"
            operator.name = "Operator"

    def test_an_address_exists_once_whatever_its_case(self, world: World, new_account: Accounts) -> None:
        account = new_account()
        with world.database.transaction(OPERATOR_ID) as session, pytest.raises(EmailTaken):
            service.create_user(session, email=account.email.upper(), password=PASSWORD, roles=[])

    def test_every_fault_of_a_new_user_is_told_at_once(self, world: World) -> None:
        with world.database.transaction(OPERATOR_ID) as session, pytest.raises(Invalid) as refused:
            service.create_user(session, email="nobody", password="short", roles=[])
        assert [fault.pointer for fault in refused.value.faults] == ["/email", "/password"]

    def test_an_unknown_role_is_refused_by_name(self, world: World, new_tenant: Callable[[], UUID]) -> None:
        with world.database.transaction(new_tenant()) as session, pytest.raises(Invalid, match="no role “emperor”"):
            service.create_user(session, email=fresh_email(), password=PASSWORD, roles=["sales", "emperor"])

    def test_nobody_gives_a_role_with_more_than_they_hold(self, world: World, new_tenant: Callable[[], UUID]) -> None:
        held = {*SEEDED_ROLES["sales"], "user.create"}
        with world.database.transaction(new_tenant()) as session:
            made = service.create_user(
                session, email=fresh_email(), password=PASSWORD, roles=["sales"], granted_by=held
            )
            assert [role.name for role in made.roles] == ["sales"]
            with pytest.raises(Forbidden, match="tenant_admin"):
                service.create_user(
                    session,
                    email=fresh_email(),
                    password=PASSWORD,
                    roles=["tenant_admin"],
                    granted_by=held,
                )

    def test_the_first_administrator_is_made_once(self, world: World) -> None:
        email = fresh_email()
        with world.database.transaction(OPERATOR_ID) as session:
            assert service.seed_administrator(session, email=email, password=PASSWORD)
            assert not service.seed_administrator(session, email=email.upper(), password="another password")
        with world.across.transaction() as session:
            identity = service.authenticate(session, email=email, password=PASSWORD)
        assert identity is not None
        assert identity.permissions == {"*"}
        assert identity.owner_id == OPERATOR_ID

    def test_passwords_are_kept_as_argon2id(self, world: World, new_account: Accounts) -> None:
        account = new_account()
        with world.database.transaction(account.owner_id) as session:
            assert service.get_user(session, user_id=account.user_id).password_hash.startswith("$argon2id$")


class TestSigningIn:
    def test_the_right_password_tells_who_it_is(self, world: World, new_account: Accounts) -> None:
        account = new_account("sales", "support")
        identity = _signed_in(world, account).identity
        assert (identity.user_id, identity.owner_id, identity.email) == (
            account.user_id,
            account.owner_id,
            account.email,
        )
        assert identity.roles == ("sales", "support")
        assert {"order.submit", "ticket.*"} <= identity.permissions
        assert "login" in _acts(world, account.owner_id)

    def test_case_of_the_address_does_not_matter(self, world: World, new_account: Accounts) -> None:
        account = new_account()
        with world.across.transaction() as session:
            assert service.authenticate(session, email=f" {account.email.upper()}", password=PASSWORD)

    def test_a_wrong_password_is_nobody_and_leaves_a_trace(self, world: World, new_account: Accounts) -> None:
        account = new_account()
        with world.across.transaction() as session:
            assert service.authenticate(session, email=account.email, password="not the password") is None
        assert _acts(world, account.owner_id)[-1] == "login.failed"

    @pytest.mark.parametrize("email", ["nobody@example.com", "no address", "", "nul\x00@example.com"])
    def test_an_unknown_address_is_nobody(self, world: World, email: str) -> None:
        with world.across.transaction() as session:
            assert service.authenticate(session, email=email, password=PASSWORD) is None

    def test_an_unknown_address_costs_a_hash_as_a_known_one_does(
        self, world: World, new_account: Accounts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from app.domains.tenants.service import passwords

        account, verified = new_account(), []
        hasher = passwords._HASHER

        class Counting:
            def verify(self, password_hash: str, password: str) -> bool:
                verified.append(password_hash.split("$")[1:4])
                return hasher.verify(password_hash, password)

            def hash(self, password: str) -> str:
                return hasher.hash(password)

        monkeypatch.setattr(passwords, "_HASHER", Counting())
        for email in (account.email, fresh_email()):
            with world.across.transaction() as session:
                service.authenticate(session, email=email, password="not the password")
        assert len(verified) == 2
        assert verified[0] == verified[1]

    @pytest.mark.parametrize("kind", ["user", "tenant"])
    def test_who_is_not_active_is_nobody(self, world: World, new_account: Accounts, kind: str) -> None:
        account = new_account()
        grant = _signed_in(world, account)
        with world.across.transaction() as session:
            row = (
                session.get_one(User, account.user_id) if kind == "user" else session.get_one(Tenant, account.owner_id)
            )
            row.is_active = False
        with world.across.transaction() as session:
            assert service.authenticate(session, email=account.email, password=PASSWORD) is None
            assert service.identity_of(session, user_id=account.user_id) is None
        assert _refreshed(world, grant.refresh_token) is None


class TestStayingSignedIn:
    def test_each_refresh_token_leads_to_the_next(self, world: World, new_account: Accounts) -> None:
        grant = _signed_in(world, new_account())
        tokens = [grant.refresh_token]
        for _ in range(3):
            following = _refreshed(world, tokens[-1])
            assert following is not None
            assert following.identity == grant.identity
            tokens.append(following.refresh_token)
        assert len(set(tokens)) == 4

    def test_using_one_twice_ends_the_whole_family_and_no_other(self, world: World, new_account: Accounts) -> None:
        account = new_account()
        stolen, elsewhere = _signed_in(world, account), _signed_in(world, account)
        following = _refreshed(world, stolen.refresh_token)
        assert following is not None
        assert _refreshed(world, stolen.refresh_token) is None
        assert _refreshed(world, following.refresh_token) is None
        assert "session.revoked" in _acts(world, account.owner_id)
        assert _refreshed(world, elsewhere.refresh_token) is not None

    def test_of_two_uses_at_once_one_counts_as_reuse(self, world: World, new_account: Accounts) -> None:
        grant, both = _signed_in(world, new_account()), threading.Barrier(2)

        def use(_: int) -> service.Grant | None:
            both.wait(timeout=10)
            return _refreshed(world, grant.refresh_token)

        with ThreadPoolExecutor(2) as pool:
            found = [each for each in pool.map(use, range(2)) if each is not None]
        assert len(found) == 1
        assert _refreshed(world, found[0].refresh_token) is None

    def test_logging_out_ends_the_session_and_may_be_repeated(self, world: World, new_account: Accounts) -> None:
        grant = _signed_in(world, new_account())
        for token in (grant.refresh_token, grant.refresh_token, "never issued"):
            with world.across.transaction() as session:
                service.log_out(session, token=token)
        assert _refreshed(world, grant.refresh_token) is None

    def test_a_token_ends_with_its_days_and_is_cleared_away(self, world: World, new_account: Accounts) -> None:
        account = new_account()
        with world.across.transaction() as session:
            identity = service.identity_of(session, user_id=account.user_id)
            assert identity is not None
            # a session as it was opened 31 days ago
            session.info["clock_offset"] = timedelta(days=-31)
            old = service.open_session(session, identity=identity, days=30)
        assert _refreshed(world, old.refresh_token) is None
        _signed_in(world, account)
        with world.across.transaction() as session:
            rows = session.scalars(select(RefreshToken).where(RefreshToken.user_id == account.user_id)).all()
            assert [row.expires_at > clock.now(session) for row in rows] == [True]

    def test_tokens_are_kept_hashed(self, world: World, new_account: Accounts) -> None:
        grant = _signed_in(world, new_account())
        with world.across.transaction() as session:
            rows = session.scalars(select(RefreshToken).where(RefreshToken.user_id == grant.identity.user_id)).all()
            assert all(grant.refresh_token.encode() not in row.token_hash for row in rows)

    def test_a_changed_password_ends_every_session(self, world: World, new_account: Accounts) -> None:
        account, new = new_account(), "another good password"
        grant = _signed_in(world, account)
        with world.database.transaction(account.owner_id) as session:
            service.change_password(session, user_id=account.user_id, current=PASSWORD, new=new)
        assert _refreshed(world, grant.refresh_token) is None
        with world.across.transaction() as session:
            assert service.authenticate(session, email=account.email, password=PASSWORD) is None
            assert service.authenticate(session, email=account.email, password=new)

    @pytest.mark.parametrize(
        ("current", "new", "pointer"),
        [("wrong password", "another good password", "/current_password"), (PASSWORD, "short", "/new_password")],
    )
    def test_a_password_is_changed_knowing_the_old_one_into_a_good_one(
        self, world: World, new_account: Accounts, current: str, new: str, pointer: str
    ) -> None:
        account = new_account()
        with world.database.transaction(account.owner_id) as session, pytest.raises(Invalid) as refused:
            service.change_password(session, user_id=account.user_id, current=current, new=new)
        assert refused.value.faults[0].pointer == pointer

    def test_nobody_changes_the_password_of_another_tenant_s_user(self, world: World, new_account: Accounts) -> None:
        account = new_account()
        with world.database.transaction(new_id()) as session, pytest.raises(NotFound):
            service.change_password(session, user_id=account.user_id, current=PASSWORD, new="another good password")
