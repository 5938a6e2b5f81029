"""Benchmarks of several services behind a load balancer: scaling and losses."""
