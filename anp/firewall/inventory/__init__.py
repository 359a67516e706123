"""Which workload has which of the firewall's addresses: the mapping, its checks, and a first draft of one."""
