"""Objects as last seen, and the snapshot of the cluster that they make together."""
