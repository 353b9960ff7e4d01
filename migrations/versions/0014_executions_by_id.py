"""Executions are found by their id in every step, also where the server knows nothing yet of how many there are.

The condition of row-level security could be answered by the indexes that begin with the owner, and before the table's first
ANALYZE the planner took one of them as readily as the primary key: each step then read all of the owner's executions. Wrapped,
the condition is a filter only. Lists name the owner themselves.
"""

from alembic import op

from migrations.tenancy import OWNER

revision = "0014_executions_by_id"
down_revision = "0013_bulk"
branch_labels = None
depends_on = None

PLAIN = f"owner_id = {OWNER}"
WRAPPED = f"({PLAIN}) IS TRUE"


def upgrade() -> None:
    _use(WRAPPED)


def downgrade() -> None:
    _use(PLAIN)


def _use(condition: str) -> None:
    op.execute(f"ALTER POLICY own ON workflow_executions USING ({condition}) WITH CHECK ({condition})")
