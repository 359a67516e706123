"""From rules over addresses to policies over workloads."""
