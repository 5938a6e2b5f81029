"""Provokes faults of processes, models, limits and clients, and checks what the service does."""
