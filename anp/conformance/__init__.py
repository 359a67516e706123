"""Scenarios: clusters that change step by step, with the reachability that each step must have.

They are data (testdata/scenarios). One runner holds three things against them: the meaning, compiled rulesets traced
packet by packet, and real packets in the lab.
"""
