"""Relight measured beside what a team would otherwise use: see `bench.peers.__main__`."""
