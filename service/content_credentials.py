"""Content credentials: signs in a C2PA manifest what was done to a photo.

C2PA specification 2.2. It needs the extra `c2pa`. A manifest names the photo as its parent
ingredient, with the photo's own manifest validated, and what was done as an action.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

from PIL import Image

from relight.errors import SigningFailed

_SETTINGS: Final = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},  # it would show the picture at another size
    # Nothing that a photo names is fetched. An answer is not read again after it is signed.
    "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
}
# Copies of a file that the library holds at its worst moment, measured on JPEG, which takes most.
_SIGNING_ANSWER: Final = 5
_SIGNING_PHOTO: Final = 3
_HASH_OF_CURVE: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class Credentials:
    """Signs files with one certificate; may be used by several threads at once.

    Args:
        certificates: the chain in PEM, the signing certificate first.
        key: its private key in PEM (PKCS #8), or a function that returns the signature of the bytes
            given, for keys that live elsewhere.
        software: name and version of this program.

    Raises:
        SigningFailed: the library is missing, or the certificate and key cannot sign.
    """

    def __init__(
        self,
        certificates: bytes,
        key: bytes | Callable[[bytes], bytes],
        *,
        software: tuple[str, str],
    ) -> None:
        try:
            import c2pa  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise SigningFailed(f"{error.name} is missing: install relight[c2pa]") from None
        self._c2pa = c2pa
        self._software = [{"name": software[0], "version": software[1]}]
        try:
            algorithm = c2pa.C2paSigningAlg[_algorithm(certificates)]
            if callable(key):
                signer = c2pa.Signer.from_callback(key, algorithm, certificates.decode())
            else:
                info = c2pa.C2paSignerInfo(algorithm, certificates, key, None)
                signer = c2pa.Signer.from_info(info)
            settings = c2pa.Settings.from_dict(_SETTINGS)
            self._context = c2pa.Context(settings=settings, signer=signer)
        except (c2pa.C2paError, ValueError) as error:
            raise SigningFailed(f"the certificate and key cannot sign: {error}") from error
        self._prove()

    @staticmethod
    def signing_bytes(num_answer_bytes: int, num_photo_bytes: int) -> int:
        """Return how much memory `sign` takes at its worst moment, its result included."""
        return _SIGNING_ANSWER * num_answer_bytes + _SIGNING_PHOTO * num_photo_bytes

    def sign(
        self,
        data: bytes,
        media_type: str,
        *,
        photo: bytes,
        photo_type: str,
        action: Mapping[str, Any],
    ) -> bytes:
        """Return a file with a signed manifest; its pixels and metadata stay as they are.

        Args:
            data: the finished file.
            media_type: its type, such as `image/jpeg`.
            photo: the file that it was made from.
            photo_type: the type of that.
            action: what was done, an action of C2PA (section 18.15).

        Raises:
            SigningFailed: no signature could be made.
        """
        ingredient = {"title": "photo", "format": photo_type, "relationship": "parentOf"}
        try:
            builder = self._builder(action)
            try:
                builder.add_ingredient(ingredient, photo_type, BytesIO(photo))
            except self._c2pa.C2paError:
                # Its manifest cannot be parsed, so there is nothing of it to validate.
                builder = self._builder(action, ingredients=[ingredient])
            signed = BytesIO()
            builder.sign(media_type, BytesIO(data), signed)
        except self._c2pa.C2paError as error:
            raise SigningFailed("the answer could not be signed") from error
        return signed.getvalue()

    def _builder(self, action: Mapping[str, Any], **more: Any) -> Any:
        actions = {"label": "c2pa.actions.v2", "data": {"actions": [action]}}
        definition = {"claim_generator_info": self._software, "assertions": [actions]} | more
        builder = self._c2pa.Builder(json.dumps(definition), context=self._context)
        builder.set_intent(self._c2pa.C2paBuilderIntent.EDIT)  # adds c2pa.opened
        return builder

    def _prove(self) -> None:
        """Sign a picture, and read it.

        Raises:
            SigningFailed: a reader would refuse it.
        """
        file = BytesIO()
        Image.new("RGB", (16, 16)).save(file, "png")
        picture, kind = file.getvalue(), "image/png"
        action = {"action": "c2pa.transcoded"}
        signed = self.sign(picture, kind, photo=picture, photo_type=kind, action=action)
        with self._c2pa.Reader(kind, BytesIO(signed)) as reader:
            if reader.get_validation_state() == "Invalid":
                failures = reader.get_validation_results()["activeManifest"]["failure"]
                reasons = ", ".join(sorted({failure["code"] for failure in failures}))
                raise SigningFailed(f"what the certificate and key sign is not valid: {reasons}")


def _algorithm(certificates: bytes) -> str:
    """Return the algorithm that fits a certificate's key, as C2PA names it (section 13.2).

    Raises:
        ValueError: no certificate, or a key that C2PA has no algorithm for.
    """
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - an extra

    key = load_pem_x509_certificates(certificates)[0].public_key()
    kind = type(key).__name__
    if "Ed25519" in kind:
        return "ED25519"
    if "RSA" in kind:
        return "PS256"
    curve = getattr(getattr(key, "curve", None), "name", kind)
    if curve not in _HASH_OF_CURVE:
        raise ValueError(f"C2PA has no algorithm for a key of {curve}")
    return _HASH_OF_CURVE[curve]
