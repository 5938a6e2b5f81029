"""Scenes as people photograph them: figures, things, food, streets, land, pictures.

bodies (mesh + solid texture) -> layouts -> Composition, which `scenes.tracing` turns into maps.
Lengths are in the scene's own units. World axes: x right, y away from the camera, z up.
"""
