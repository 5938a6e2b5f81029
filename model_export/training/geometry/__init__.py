"""Training of `drn-g` from scenes that are rendered meanwhile.

renderers -> spool -> feed -> network -> losses -> step
"""
