"""Alembic migrations of the registry, run by `hyperx_cl.registry.schema`: one file a step, never changed afterwards."""
