"""The upstream conformance suites, unmodified, against the engine as deploy/ installs it.

`python -m tests.upstream --help` says how to run them.

`engine.Engine` is a whole cluster: a control plane, nodes with real packets, and controllers and agents with the rights
that deploy/ gives them.
"""
