"""The controller: watches the cluster, compiles it, and publishes what comes of it for the nodes."""
