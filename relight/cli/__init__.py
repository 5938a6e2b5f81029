"""`relight`: the command line. `relight COMMAND --help` lists the options of a command.

    serve      run the service
    image      relight one photo
    folder     relight a folder of photos; resumable
    maps       read normals, depth, albedo and shading from a photo
    models     list the available lights

`image`, `folder`, `maps` and `models` work in this process, or call a service if `--url` names one.
Without the extras cpu and gpu they need `--url`: a command imports the service only when it uses
it.
"""

from __future__ import annotations

from relight.cli.commands import main

__all__ = ["main"]
