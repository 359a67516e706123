"""Do the nftables rules that are installed mean what the policies mean: a proof, or packets that say where not.

`language` has what a listing can say, `listing`, `elements`, `terms` and `foreign` read it; nothing here knows how
rules are compiled. `ends` divides addresses, `space` and `binding` are about diagrams of packets, `liveness` and `walk`
make one of a listing, `meant` one of the policies. They are compared in `proof`, and `grouping` puts together where
they differ. `steps` follows one packet, and `blame` finds the object that is wrong, by comparing with `wanted`.
`proving` does it all; `result` and `document` are what comes of it.
"""
