"""Faults of processes, models, limits and clients, and what the service makes of them."""
