"""Interval decision diagrams: functions of packets that are equal exactly when they are the same object.

`space` has what diagrams are made of, `algebra` how to combine them, `lists` how to make one from a first-match list,
`queries` what to ask of one. `traffic`, `ends`, `turns`, `meaning` and `comparison` speak of compiled clusters.
"""
