"""Training: one loop, and the recipes that say what trains, what is frozen and on which data."""
