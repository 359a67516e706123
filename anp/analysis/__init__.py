"""Answers about a cluster's policies, as values; the command line renders them."""
