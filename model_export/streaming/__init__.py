"""Training samples drawn from rendered scenes while new scenes are still being rendered.

    scenes (a renderer's process) -> spool -> pool -> crops -> lighting -> camera -> samples

`spool` lets processes render without end into a bounded folder, `pool` keeps those scenes in
memory, `crops` cuts a view out of one, `lighting` mixes its lamps into the photo's light and the
wanted one, `camera` develops both, and `feed` draws batches in a process of its own.
"""
