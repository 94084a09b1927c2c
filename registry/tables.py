"""The rows of the registry; they never leave this folder.

The schema that these classes describe is made by the migrations, and a test holds the two equal.
"""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, MetaData, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """What all tables share: constraints with names, so that migrations can name them on every database."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON}


class ModelRow(Base):
    """A model; its fingerprint is its identity, its name what people type."""

    __tablename__ = "models"
    __table_args__ = (
        Index(
            "uq_models_one_default",
            "is_default",
            unique=True,
            sqlite_where=text("is_default"),  # its twin for PostgreSQL is in the migration alone: naming it here
            # would load that dialect in every process
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    path: Mapped[str] = mapped_column(Text)
    backbone_id: Mapped[str] = mapped_column(Text)
    backbone_revision: Mapped[str] = mapped_column(Text)
    backbone_fingerprint: Mapped[str] = mapped_column(String(64))
    backbone_type: Mapped[str] = mapped_column(String(64))
    config: Mapped[dict[str, Any]]
    created: Mapped[str] = mapped_column(String(40))
    is_default: Mapped[bool]

    tasks: Mapped[list["TaskRow"]] = relationship(
        back_populates="model", lazy="selectin", order_by="TaskRow.name", viewonly=True
    )


class LanguageRow(Base):
    """A language of a model: the name that points at one of its versions.

    The row outlives its versions, so that a version number is never given to other numbers later.
    """

    __tablename__ = "languages"
    __table_args__ = (UniqueConstraint("model_id", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    code: Mapped[str] = mapped_column(String(64))
    current: Mapped[int | None]
    last: Mapped[int]

    model: Mapped[ModelRow] = relationship(lazy="joined", innerjoin=True)


class BlobRow(Base):
    """Bytes under their own SHA-256."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class VersionRow(Base):
    """One version of a language: its numbers are written once; the embedding stands here too, for searching."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("language_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    language_id: Mapped[int] = mapped_column(ForeignKey("languages.id"))
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    blob: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    embedding: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    numbers: Mapped[int]
    tasks: Mapped[list[str]]
    method: Mapped[str] = mapped_column(String(64))
    parent: Mapped[str | None] = mapped_column(String(64))
    created: Mapped[str] = mapped_column(String(40))
    provenance: Mapped[dict[str, Any]]

    language: Mapped[LanguageRow] = relationship(lazy="joined", innerjoin=True)


class TaskRow(Base):
    """A task that was learnt for a model after its base training; its numbers are written once."""

    __tablename__ = "tasks"
    __table_args__ = (UniqueConstraint("model_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    name: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    blob: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    numbers: Mapped[int]
    definition: Mapped[dict[str, Any]]
    method: Mapped[str] = mapped_column(String(64))
    created: Mapped[str] = mapped_column(String(40))
    provenance: Mapped[dict[str, Any]]

    model: Mapped[ModelRow] = relationship(lazy="joined", innerjoin=True, back_populates="tasks")


class RunRow(Base):
    """One run of a command."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    command: Mapped[str] = mapped_column(String(64))
    config: Mapped[dict[str, Any]]
    seed: Mapped[int | None]
    versions: Mapped[dict[str, Any]]
    data_hashes: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16))
    metrics: Mapped[dict[str, Any]]
    started: Mapped[str] = mapped_column(String(40))
    finished: Mapped[str | None] = mapped_column(String(40))
