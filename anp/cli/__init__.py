"""The command line."""

from anp.cli.main import main

__all__ = ["main"]
