"""Write models as a ModelPack artifact, into an OCI layout that skopeo copies to a registry.

python3 docker/model_artifact.py /tmp/artifact drn-s service/models/drn-s.*
skopeo copy oci:/tmp/artifact:drn-s docker://REGISTRY/relight-models:drn-s-modelpack

The same files give the same digest. Needs Python alone. Formats: OCI image specification 1.1 (image
layout and manifest), and the config and the media types of https://github.com/modelpack/model-spec.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

MODEL = "application/vnd.cncf.model"
KINDS = {".onnx": "weight", ".npz": "dataset"}  # a golden file has inputs and outputs; else a "doc"
Descriptor = dict[str, Any]


def store(layout: Path, data: bytes, media_type: str, **annotations: str) -> Descriptor:
    """Write a blob into a layout; return its OCI descriptor."""
    digest = hashlib.sha256(data).hexdigest()
    file = layout / "blobs" / "sha256" / digest
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    found = {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
    return found | ({"annotations": annotations} if annotations else {})


def layer(layout: Path, file: Path) -> Descriptor:
    """Store a file as it is, uncompressed, under its name for ModelPack and for oras."""
    media_type = f"{MODEL}.{KINDS.get(file.suffix, 'doc')}.v1.raw"
    keys = ("org.cncf.model.filepath", "org.opencontainers.image.title")
    return store(layout, file.read_bytes(), media_type, **dict.fromkeys(keys, file.name))


def manifest(layout: Path, name: str, files: list[Path]) -> Descriptor:
    """Store the manifest of one model, of one or more graphs; return its descriptor."""
    layers = [layer(layout, file) for file in sorted(files)]
    config = {
        "descriptor": {"name": name, "licenses": ["Apache-2.0"]},
        "config": {
            "format": "onnx",
            "capabilities": {"inputTypes": ["image"], "outputTypes": ["image"]},
        },
        "modelfs": {"type": "layers", "diffIds": [part["digest"] for part in layers]},
    }
    written = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": f"{MODEL}.manifest.v1+json",
        "config": store(layout, json.dumps(config).encode(), f"{MODEL}.config.v1+json"),
        "layers": layers,
        "annotations": {
            "org.opencontainers.image.title": name,
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    }
    reference = {"org.opencontainers.image.ref.name": name}
    return store(layout, json.dumps(written).encode(), written["mediaType"], **reference)


def main(folder: str, name: str, *files: str) -> None:
    """Write a layout of one artifact, and print its digest."""
    if not any(file.endswith(".onnx") for file in files):
        sys.exit("model_artifact: no ONNX file among the files")
    layout = Path(folder)
    layout.mkdir(parents=True)
    found = manifest(layout, name, [Path(file) for file in files])
    index = {"schemaVersion": 2, "manifests": [found]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    print(found["digest"])


if __name__ == "__main__":
    main(*sys.argv[1:])
