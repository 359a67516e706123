"""Where objects come from when it is files: reading them, watching them, filling in what a cluster would have."""
