"""The enforcer: makes one node's kernel hold exactly the ruleset that was compiled for it."""
