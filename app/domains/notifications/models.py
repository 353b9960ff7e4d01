"""Tables of the notifications room."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.delivery.outgoing import STATUS_CHECK, Outgoing
from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.notifications.rules import SEVERITIES

SEVERITY_CHECK = f"severity IN ({', '.join(repr(severity) for severity in SEVERITIES)})"
CHANNEL_STATUS_CHECK = "status IN ('queued', 'delivered', 'failed', 'withdrawn')"


class Team(Owned, Timestamped, Base):
    """Users of the owner who are told together. Workflows name it by its code."""

    __tablename__ = "teams"
    __table_args__ = (
        UniqueConstraint("owner_id", "code"),
        # the list of teams, newest first
        Index("ix_teams_list", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    members: Mapped[list[TeamMember]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="TeamMember.user_id"
    )
    channels: Mapped[list[TeamChannel]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="TeamChannel.id"
    )


class TeamMember(Owned, Base):
    """A user belongs to a team."""

    __tablename__ = "team_members"
    # the teams of a user who is deleted
    __table_args__ = (Index("ix_team_members_user_id", "user_id"),)

    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)


class TeamChannel(Owned, Timestamped, Base):
    """A way to tell a team. `service`: what may be shown of it; `secret`: the Vault's reference to its address."""

    __tablename__ = "team_channels"
    # the channels of a team
    __table_args__ = (Index("ix_team_channels_team_id", "team_id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    service: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)


class Notification(Outgoing, Timestamped, Base):
    """One thing that a team is told. It is delivered once all its channels have taken it, or when it has none."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("owner_id", "key"),
        CheckConstraint(STATUS_CHECK, name="status"),
        CheckConstraint(SEVERITY_CHECK, name="severity"),
        # what is still to be sent, the longest due first
        Index(
            "ix_notifications_undelivered",
            "next_attempt_at",
            postgresql_where="status IN ('queued', 'sending')",
        ),
        # a team's notifications, newest first
        Index("ix_notifications_list", "owner_id", "team", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(Text)
    team: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    link: Mapped[str | None] = mapped_column(Text)


class NotificationChannel(Owned, Timestamped, Base):
    """What became of a notification in one channel. `secret`: the Vault's reference to the channel's address.

    The team may have other channels by now: these are those that it had when it was told.
    """

    __tablename__ = "notification_channels"
    __table_args__ = (
        CheckConstraint(CHANNEL_STATUS_CHECK, name="status"),
        # the channels of a notification
        Index("ix_notification_channels_notification_id", "notification_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    notification_id: Mapped[UUID] = mapped_column(ForeignKey("notifications.id", ondelete="CASCADE"))
    service: Mapped[str] = mapped_column(Text)
    secret: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="queued")
    error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]


class NotificationRecipient(Owned, Timestamped, Base):
    """A user was told of something in the product. `read_at` null: not seen yet."""

    __tablename__ = "notification_recipients"
    __table_args__ = (
        UniqueConstraint("notification_id", "user_id"),
        # a user's notifications, newest first
        Index("ix_notification_recipients_list", "owner_id", "user_id", "created_at", "id"),
        # those that they have not seen
        Index(
            "ix_notification_recipients_unread",
            "owner_id",
            "user_id",
            "created_at",
            "id",
            postgresql_where="read_at IS NULL",
        ),
        # those of a user who is deleted
        Index("ix_notification_recipients_user_id", "user_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    notification_id: Mapped[UUID] = mapped_column(ForeignKey("notifications.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    read_at: Mapped[datetime | None]
    notification: Mapped[Notification] = relationship(lazy="joined", innerjoin=True)
