"""What operators see of a process that runs for long: its log, its metrics, and whether it is well."""
