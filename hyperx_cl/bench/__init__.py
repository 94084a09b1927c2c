"""Benchmarks that take hours: methods of adding a language against each other, resumable cell by cell."""
