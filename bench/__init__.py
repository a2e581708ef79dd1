"""Benchmarks against the peers; each prints a ratio."""
