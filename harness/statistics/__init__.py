"""Estimates and tests over seeds, one idea a module; docs/statistics.md says which and why.

A function of a `Comparison` or `Dial` takes a `metric`, its column or name (`None` is the task's main metric on the
test examples), the `baseline` that the other strategies are compared with, and the `confidence` of its intervals.
"""
