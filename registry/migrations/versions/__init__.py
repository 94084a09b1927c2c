"""The steps of the registry's schema, in the order of their numbers."""
