"""Measures speed, memory and promises of the service; one command per module."""
