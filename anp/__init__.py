"""The shell around the compiler and the enforcer: API models, sources, the lab and the command line."""

__version__ = "0.1.0"
