"""${message}.

Keep it small, keep the running version working, and do not lock a table for long: migrations run while the
previous version of the portal is still up.
"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError
