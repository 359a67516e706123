"""A running cluster as commands ask about it: read once, as manifests are, and nothing is changed there."""
