"""Does the cluster do what the firewall did: exact, for every packet, and for pods that are not there yet."""
