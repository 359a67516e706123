"""A cluster of network namespaces on one machine: nodes, pods, routes, servers and probes.

Describe it with `anp.lab.topology`, build it with `anp.lab.lab.Lab`. Nothing in it has a name outside
the process that made it, so two labs never meet, and the kernel takes all of it back when the process ends.
"""
