"""Rules of firewalls: reading them, mapping them to workloads, writing them as policies, and proving the result."""
