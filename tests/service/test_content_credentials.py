"""Signed answers, as the C2PA library's own reader validates them."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from types import ModuleType

import c2pa
import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from bench.certificates import KINDS, make_certificates
from relight.errors import SigningFailed
from service.app import create_app
from service.content_credentials import Credentials
from service.imaging.formats import ANSWER_FORMATS, FORMATS
from service.settings import Settings
from service.telemetry.heap_trim import trim_heap
from tests import http_client as http
from tests.service import exiftool
from tests.service.calls import problem_of, relight
from tests.service.peak import peak_growth
from tests.service.pictures import noise, saved
from tests.service.stand_ins import decoded, serving

MARK = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
MADE = make_certificates()
ACTION = {"action": "c2pa.edited"}
OF_TEST = ("Relight", "1")


def settings_of(folder, models_dir, **more) -> Settings:
    for name, data in (("cert.pem", MADE.chain), ("key.pem", MADE.key)):
        (folder / name).write_bytes(data)
    keys = {"c2pa_key": folder / "key.pem"} if "c2pa_signer" not in more else {}
    return Settings(
        models_dir=models_dir, ops_port=0, c2pa_cert=folder / "cert.pem", **(keys | more)
    )


@pytest.fixture(scope="module")
def signing_url(tmp_path_factory, models_dir):
    with serving(create_app(settings_of(tmp_path_factory.mktemp("keys"), models_dir))) as url:
        yield url


def read(data: bytes, media_type: str) -> tuple[str, dict]:
    """Return the state of validation, with the root trusted, and the manifest."""
    settings = c2pa.Settings.from_dict({"trust": {"trust_anchors": MADE.root.decode()}})
    with c2pa.Reader(media_type, BytesIO(data), context=c2pa.Context(settings=settings)) as reader:
        return reader.get_validation_state(), reader.get_active_manifest()


def actions_of(manifest: dict) -> list[dict]:
    (found,) = (a for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))
    return found["data"]["actions"]


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_a_manifest_is_valid_names_the_edit_and_fails_for_a_changed_byte(
    signing_url, url, png, format_name
):
    answer = relight(signing_url, png, format=format_name, direction="W", temperature=3200)
    media_type = FORMATS[format_name].media_type
    state, manifest = read(answer.content, media_type)
    assert state == "Trusted"
    assert answer.headers["x-content-credentials"] == "signed"
    opened, edited = actions_of(manifest)
    assert opened["action"] == "c2pa.opened"
    assert edited["action"] == "c2pa.edited"
    assert edited["digitalSourceType"] == MARK
    assert edited["parameters"]["light"] == answer.headers["x-light"] == "W-3200"
    assert edited["parameters"]["model"] == answer.headers["x-model"]
    assert manifest["claim_generator_info"][0]["name"] == "Relight"
    (ingredient,) = manifest["ingredients"]
    assert (ingredient["relationship"], ingredient["format"]) == ("parentOf", "image/png")
    plain = relight(url, png, format=format_name, direction="W", temperature=3200)
    assert np.array_equal(decoded(answer.content), decoded(plain.content))
    at = plain.content.index(b"compositeWithTrained")  # a byte that the signature covers
    start = answer.content.index(plain.content[at : at + 20])
    changed = bytearray(answer.content)
    changed[start] ^= 1
    assert read(bytes(changed), media_type)[0] == "Invalid"


@exiftool.needs_exiftool
def test_the_mark_in_xmp_is_there_beside_the_manifest(signing_url, png, tmp_path):
    answer = relight(signing_url, png, format="jpeg", metadata="strip")
    assert exiftool.read(answer.content, tmp_path)["XMP-iptcExt:DigitalSourceType"] == MARK


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_the_manifest_of_a_photo_is_kept_as_its_ingredients(signing_url, png, format_name):
    first = relight(signing_url, png, format=format_name).content
    second = relight(signing_url, first).content
    media_type = FORMATS[format_name].media_type
    state, manifest = read(second, media_type)
    assert state == "Trusted"
    (ingredient,) = manifest["ingredients"]
    earlier = read(first, media_type)[1]["label"]
    assert ingredient["active_manifest"] == earlier
    assert "failure" not in str(ingredient.get("validation_status", ""))


def test_a_fault_of_a_photos_manifest_is_reported(signing_url, png):
    first = relight(signing_url, png, format="png", metadata="strip").content
    at = first.rindex(b"IDAT") + 20  # a pixel
    forged = first[:at] + bytes([first[at] ^ 1]) + first[at + 1 :]
    credentials = Credentials(MADE.chain, MADE.key, software=OF_TEST)
    signed = credentials.sign(
        first, "image/png", photo=forged, photo_type="image/png", action=ACTION
    )
    state, manifest = read(signed, "image/png")
    assert state == "Trusted"  # of this answer
    results = str(manifest["ingredients"][0]["validation_results"])
    assert "assertion.dataHash.mismatch" in results


def test_a_photo_whose_manifest_cannot_be_parsed_is_still_named(png):
    credentials = Credentials(MADE.chain, MADE.key, software=OF_TEST)
    first = credentials.sign(png, "image/png", photo=png, photo_type="image/png", action=ACTION)
    at = first.index(b"c2pa.claim")
    broken = first[:at] + b"\xff" * 400 + first[at + 400 :]
    signed = credentials.sign(png, "image/png", photo=broken, photo_type="image/png", action=ACTION)
    state, manifest = read(signed, "image/png")
    assert state == "Trusted"
    assert manifest["ingredients"][0]["relationship"] == "parentOf"


def test_at_strength_0_the_photo_is_exact_and_no_edit_is_claimed(signing_url, png, picture):
    answer = relight(signing_url, png, strength=0)
    assert np.array_equal(decoded(answer.content), picture)
    state, manifest = read(answer.content, "image/png")
    assert state == "Trusted"
    assert [a["action"] for a in actions_of(manifest)] == ["c2pa.opened", "c2pa.transcoded"]
    assert "digitalSourceType" not in str(manifest)


def test_without_a_certificate_nothing_is_signed_and_a_manifest_is_dropped(signing_url, url, png):
    signed = relight(signing_url, png).content
    answer = relight(url, signed)
    assert answer.headers["x-content-credentials"] == "dropped"
    with pytest.raises(c2pa.C2paError.ManifestNotFound):
        read(answer.content, "image/png")
    assert http.get(f"{url}/models").json()["marks"]["content_credentials"] is False
    assert http.get(f"{signing_url}/models").json()["marks"]["content_credentials"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_key_signs(png, kind):
    made = make_certificates(kind)
    credentials = Credentials(made.chain, made.key, software=OF_TEST)
    signed = credentials.sign(png, "image/png", photo=png, photo_type="image/png", action=ACTION)
    assert read(signed, "image/png")[0] in {"Valid", "Trusted"}


def _elsewhere(data: bytes) -> bytes:
    key = serialization.load_pem_private_key(MADE.key, None)
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def test_a_key_may_live_elsewhere_and_a_failure_there_is_a_problem(
    models_dir, png, tmp_path, monkeypatch
):
    vault = ModuleType("vault_of_test")
    is_open = [True]

    def sign(data: bytes) -> bytes:
        if not is_open[0]:
            raise OSError("the vault is closed")
        return _elsewhere(data)

    vault.sign = sign
    monkeypatch.setitem(sys.modules, "vault_of_test", vault)
    settings = settings_of(tmp_path, models_dir, c2pa_signer="vault_of_test:sign")
    with serving(create_app(settings)) as url:
        assert read(relight(url, png).content, "image/png")[0] == "Trusted"
        is_open[0] = False
        problem = problem_of(relight(url, png))
        assert (problem["status"], problem["code"]) == (500, "signing_failed")
        assert "vault" not in problem["detail"]


def test_threads_sign_at_once(png):
    credentials = Credentials(MADE.chain, MADE.key, software=OF_TEST)

    def sign(_: int) -> bytes:
        return credentials.sign(png, "image/png", photo=png, photo_type="image/png", action=ACTION)

    with ThreadPoolExecutor(4) as pool:
        for signed in pool.map(sign, range(16)):
            assert read(signed, "image/png")[0] == "Trusted"


@pytest.mark.parametrize(
    ("chain", "key"),
    [
        (MADE.chain, make_certificates().key),
        (b"no certificate", MADE.key),
        (MADE.chain, b"no key"),
        (make_certificates(days=-1).chain, MADE.key),
    ],
    ids=["another key", "no certificate", "no key", "expired"],
)
def test_a_service_that_cannot_sign_does_not_start(chain, key):
    with pytest.raises(SigningFailed):
        Credentials(chain, key, software=OF_TEST)


def test_a_file_that_is_missing_does_not_start(tmp_path, models_dir):
    settings = settings_of(tmp_path, models_dir, c2pa_key=tmp_path / "none.pem")
    with pytest.raises(SigningFailed, match="not there"):
        create_app(settings)


@pytest.mark.parametrize(
    "given",
    [
        {"c2pa_cert": "a"},
        {"c2pa_key": "a"},
        {"c2pa_signer": "a:b"},
        {"c2pa_cert": "a", "c2pa_key": "b", "c2pa_signer": "a:b"},
    ],
    ids=str,
)
def test_a_certificate_comes_with_one_key(given):
    with pytest.raises(ValueError, match="RELIGHT_C2PA_CERT"):
        Settings(**given)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(SigningFailed, match=r"install relight\[c2pa\]"):
        Credentials(MADE.chain, MADE.key, software=OF_TEST)


@pytest.fixture(scope="module")
def fresh_process():
    """A process that runs nothing else: threads of other tests would count here."""
    with get_context("spawn").Pool(1) as pool:
        yield pool


@pytest.mark.parametrize("format_name", ["jpeg", "png", "tiff", "webp"])
@pytest.mark.parametrize("large", ["answer", "photo"])
def test_signing_takes_no_more_memory_than_is_set_aside(fresh_process, format_name, large):
    taken_bytes, set_aside_bytes = fresh_process.apply(memory_of_signing, (format_name, large))
    rounding_bytes = 4_000_000  # of the allocator
    assert taken_bytes < set_aside_bytes + rounding_bytes


def memory_of_signing(format_name: str, large: str) -> tuple[int, int]:
    """Return how many bytes signing took at its worst moment, and how many it sets aside."""
    size_px = {"answer": 64, "photo": 64} | {large: 2000}
    answer, photo = (
        saved(Image.fromarray(noise(px, px)), format_name)
        for px in (size_px["answer"], size_px["photo"])
    )
    media_type = FORMATS[format_name].media_type
    # Its own first signature loads the library's code and tables.
    credentials = Credentials(MADE.chain, MADE.key, software=OF_TEST)
    trim_heap()  # memory that lies free already would hide what is taken
    with peak_growth() as peak:
        assert credentials.sign(
            answer, media_type, photo=photo, photo_type=media_type, action=ACTION
        )
    return peak.num_bytes, credentials.signing_bytes(len(answer), len(photo))
