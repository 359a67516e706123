"""A virtual kubelet: pods of a real API server as network namespaces of the lab, with real processes in them.

`kubelet.VirtualKubelet` registers nodes, runs the pods that are bound to them, keeps their status, executes commands
in them and takes them down again. `python -m tests.kubelet --help` runs one by hand.
"""
