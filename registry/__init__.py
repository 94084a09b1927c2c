"""The registry: models, language records with their versions, and runs, in SQLite or any SQLAlchemy URL."""

if __name__ == "registry":  # reached by the folder's name: two copies of one module would live side by side
    raise ImportError("import hyperx_cl.registry, not registry")
