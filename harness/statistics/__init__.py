"""Estimates and tests over seeds, one idea a module; docs/statistics.md says which and why."""
