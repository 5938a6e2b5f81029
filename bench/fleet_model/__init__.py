"""A discrete-event model of a fleet of a thousand pods: routing, cells, shuffle sharding."""
