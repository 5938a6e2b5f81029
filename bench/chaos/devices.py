"""A device that hangs or fails; models whose files change."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import onnx

from bench.chaos.fault import Fault, NotRun, relit, still_serves, wait_until
from bench.harness import ADMIN_KEY, Service, photo, running

_MODEL = Path("service/models/drn-s.onnx")
_CODE = """
import itertools, os, time
from service.inference.fake_engine import FakeEngine
run, numbers = FakeEngine.run, itertools.count()
def faulty(self, tensors, concurrency=1):
    number = next(numbers)
    {fault}
    return run(self, tensors)
FakeEngine.run = faulty
from service.__main__ import main
main([])
"""


def _hang() -> tuple[str, bool]:
    with tempfile.TemporaryDirectory() as folder:
        flag = Path(folder, "hang")
        code = _CODE.format(fault=f"while os.path.exists({str(flag)!r}): time.sleep(0.1)")
        with running("5+1n", command=("-c", code)) as service:
            flag.touch()
            client = threading.Thread(target=_quietly, args=(service,))
            client.start()
            ended = wait_until(lambda: service.process.poll() is not None, 120)
            client.join()
            return f"exit {service.process.poll()}", ended and (
                service.process.poll() == os.EX_SOFTWARE
            )


def _random_failure() -> tuple[str, bool]:
    # The first calls warm the engine.
    code = _CODE.format(fault="assert number < 100 or number % 3, 'the device failed'")
    with running(
        "5+1n", command=("-c", code), settings={"max_batch_size": 1, "cache_bytes": 0}
    ) as service:
        statuses = Counter(relit(service, photo(seed=n)).status_code for n in range(150))
        return f"statuses {dict(statuses)}", set(statuses) <= {200, 500} and statuses[200] >= 90


def _quietly(service: Service) -> None:
    try:
        relit(service)
    except httpx.HTTPError:
        return


def _reload(
    change: Callable[[Path], object], promised: int = 409, prefix: Sequence[str] = ()
) -> tuple[str, bool]:
    """Change the folder's model under a running service, and ask for a reload."""
    with running(model=_MODEL, prefix=prefix) as service:
        (path,) = service.models_dir.glob("*.onnx")
        change(path)
        headers = {"X-Api-Key": ADMIN_KEY}
        answer = httpx.post(f"{service.url}/-/reload", headers=headers, timeout=120)
        text = f"reload {answer.status_code}"
        return text, answer.status_code == promised and still_serves(service)


def _unreadable() -> tuple[str, bool]:
    """Take away the permission to read the model; root needs it only without its capabilities."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise NotRun("it wants `setpriv` of util-linux, or another user than root")
        prefix = [setpriv, "--bounding-set=-dac_override,-dac_read_search"]
    return _reload(lambda path: path.chmod(0), prefix=prefix)


def _cut_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1000)


def _dangle(path: Path) -> None:
    path.with_name("other.onnx").symlink_to("/nowhere")


def _folder(path: Path) -> None:
    path.with_name("other.onnx").mkdir()


def _with_metadata(**values: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        model = onnx.load(path)
        for entry in model.metadata_props:
            entry.value = values.get(entry.key, entry.value)
        onnx.save(model, path)

    return change


def _replaced(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes((0xC0, 0x3E, 1)))  # an unknown field


_PROMISE = "409, and the old model serves on"
FAULTS = (
    Fault("the device hangs", "livez fails, exit 70", _hang),
    Fault("every third call of the device fails", "500 for those photos alone", _random_failure),
    Fault("model truncated", _PROMISE, lambda: _reload(lambda p: p.write_bytes(b"\x08\x07"))),
    Fault("model truncated in place", _PROMISE, lambda: _reload(_cut_in_place)),
    Fault("model replaced by its equal", "200", lambda: _reload(_replaced, 200)),
    Fault("model is a link to nothing", _PROMISE, lambda: _reload(_dangle)),
    Fault("model is a folder", _PROMISE, lambda: _reload(_folder)),
    Fault("model may not be read", _PROMISE, _unreadable),
    Fault("model is gone", _PROMISE, lambda: _reload(Path.unlink)),
    Fault("contract: size", _PROMISE, lambda: _reload(_with_metadata(size_px="20000"))),
    Fault("contract: lights", _PROMISE, lambda: _reload(_with_metadata(lights="E-4500"))),
    Fault("contract: a name of two lines", _PROMISE, lambda: _reload(_with_metadata(name="a\nb"))),
)
