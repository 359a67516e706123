"""The compiler: from a snapshot of a cluster to nftables rulesets, as a pure function of its arguments."""
