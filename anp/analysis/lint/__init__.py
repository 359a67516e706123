"""Lint: what policies say that their author did not want, or that nobody can rely on.

`catalogue` has every kind of finding with its code, `linter` looks for all of them. Each family has a module:
`order` (rules among one another), `tiers` (what one tier leaves to the next), `selectors`, `spelling`, `ports`,
`networks`, `connections`, `limits`, `applied`. What the first two and `connections` say is exact for the cluster as it
is; `situations` and `standing` work it out, from the programs that are enforced. `implication` says what holds whatever
pods there are.
"""
