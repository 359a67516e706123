"""The control plane, measured end to end: `python -m bench.control_plane --help`.

A real API server, `anp controller` and `anp agent` as processes with the rights that deploy/ gives them, a node that is
a network namespace, and two pods on it between which packets are sent all the time. Every other pod is hollow: an
object with an address.
"""
