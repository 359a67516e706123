"""What an admin signs: every rule accounted for, what differs, and what the result does besides."""
