"""Makes certificates that may sign C2PA manifests, for benchmarks and tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KINDS: Final = ("ES256", "ES384", "PS256", "ED25519")
_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Certificates(NamedTuple):
    """A chain, the key of its first certificate, and its root, in PEM."""

    chain: bytes
    key: bytes
    root: bytes


def make_certificates(kind: str = "ES256", *, days: int = 30) -> Certificates:
    """Return a new root and a certificate that it has signed.

    Args:
        kind: the signature algorithm, one of `KINDS`.
        days: days until the certificate expires; negative: it has expired.
    """
    root_key, key = ec.generate_private_key(ec.SECP256R1()), _key(kind)
    root = _certificate("root", root_key, "root", root_key, 365, is_root=True)
    leaf = _certificate("signer", key, "root", root_key, days, is_root=False)
    pem = serialization.Encoding.PEM
    root_pem = root.public_bytes(pem)
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificates(leaf.public_bytes(pem) + root_pem, private, root_pem)


def _key(kind: str) -> PrivateKey:
    if kind == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "PS256":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP384R1() if kind == "ES384" else ec.SECP256R1())


def _certificate(
    name: str,
    key: PrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: int,
    *,
    is_root: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    usage = dict.fromkeys(_USAGES, False) | {
        "key_cert_sign" if is_root else "digital_signature": True
    }
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if not is_root:
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usages, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
