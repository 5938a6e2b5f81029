"""`relight`: the command line. `relight COMMAND --help` tells each command's options.

    serve      run the service
    image      relight one photo
    folder     relight a folder of photos; stopped, it goes on where it was
    models     what may be asked for

`image`, `folder` and `models` work in this process, or call a service where `--url` names one.
Without the extras cpu and gpu only the latter works: a command imports the service
when it needs it.
"""

from __future__ import annotations

from relight.cli.commands import main

__all__ = ["main"]
