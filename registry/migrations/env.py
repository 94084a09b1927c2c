"""Run by Alembic: migrates over the connection that `hyperx_cl.registry.schema` hands in, inside its transaction."""

from alembic import context

from hyperx_cl.registry.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=context.config.attributes["version_table"],
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
