"""The first schema: models, languages, their versions and blobs, runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _models()
    _languages()
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("command", sa.String(64), nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("seed", sa.Integer),
        sa.Column("versions", sa.JSON, nullable=False),
        sa.Column("data_hashes", sa.JSON, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("started", sa.String(40), nullable=False),
        sa.Column("finished", sa.String(40)),
    )


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("fingerprint", sa.String(64), nullable=False, unique=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("backbone_id", sa.Text, nullable=False),
        sa.Column("backbone_revision", sa.Text, nullable=False),
        sa.Column("backbone_fingerprint", sa.String(64), nullable=False),
        sa.Column("backbone_type", sa.String(64), nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
    )
    where = sa.text("is_default")
    op.create_index(
        "uq_models_one_default", "models", ["is_default"], unique=True, sqlite_where=where, postgresql_where=where
    )


def _languages() -> None:
    op.create_table(
        "languages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id"), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("current", sa.Integer),
        sa.Column("last", sa.Integer, nullable=False),
        sa.UniqueConstraint("model_id", "code"),
    )
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "versions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("language_id", sa.Integer, sa.ForeignKey("languages.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("blob", sa.String(64), sa.ForeignKey("blobs.sha256"), nullable=False, index=True),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.Column("numbers", sa.Integer, nullable=False),
        sa.Column("tasks", sa.JSON, nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("parent", sa.String(64)),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("provenance", sa.JSON, nullable=False),
        sa.UniqueConstraint("language_id", "number"),
    )
