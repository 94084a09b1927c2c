"""Runs the command line: ``python -m hyperx_cl.cli``."""

from hyperx_cl.cli.app import main

main()
