"""The same handler behind each peer's server, as its documentation recommends.

Each module runs in its peer's own environment and reads `PEER_*` variables (see `Setting`).
"""
