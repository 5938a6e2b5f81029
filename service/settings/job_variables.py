"""The settings of jobs and webhooks."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings

from service.host import available_memory_bytes
from service.settings.environment import Words
from service.settings.key_entries import KEY_NAME

_JOB_SHARE: Final = 0.05
_MAX_DEFAULT_JOB_BYTES: Final = 250_000_000
_HOST: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*")
_MARK: Final = "whsec_"
_SECRET_BYTES: Final = range(24, 65)  # as Standard Webhooks has it


class JobVariables(BaseSettings):
    """The settings of jobs, a part of `Settings`."""

    max_job_bytes: int | None = Field(
        default=None,
        ge=0,
        description="memory for the bodies and results of all jobs (`Prefer: respond-async`) "
        "together; above it, a 503; 0 turns jobs off",
        json_schema_extra={"default_text": "a twentieth of the memory limit, at most `250000000`"},
    )
    max_jobs_per_key: int = Field(
        default=100,
        ge=1,
        description="most jobs in memory for one key, including those that have ended and those "
        "whose webhook is still being delivered; above it, a 429",
    )
    job_timeout_s: float = Field(
        default=900.0, gt=0, description="time limit of a job, from its arrival to its end"
    )
    job_keep_s: float = Field(
        default=600.0, gt=0, description="time for which the result of a job is kept"
    )
    webhook_hosts: Words = Field(
        default=(),
        description="hosts that webhooks may be sent to, comma-separated; a network such as "
        "`10.1.0.0/16` allows addresses that are not public",
        json_schema_extra={"default_text": "none; webhooks are off"},
    )
    webhook_secrets: Words = Field(
        default=(),
        description="secrets that sign webhooks, as `name:whsec_BASE64` for each key that may "
        "use webhooks (`anonymous` if no key is needed), comma-separated",
        json_schema_extra={"default_text": "none"},
    )

    @field_validator("webhook_hosts")
    @classmethod
    def _are_hosts_and_networks(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if _network_of(word) is None and not _HOST.fullmatch(word.lower()):
                raise ValueError(f"{word!r} is neither the name of a host nor a network")
        return words

    @field_validator("webhook_secrets")
    @classmethod
    def _are_secrets(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            name, _, secret = word.partition(":")
            if not KEY_NAME.fullmatch(name) or len(_secret_of(secret)) not in _SECRET_BYTES:
                raise ValueError("each must be name:whsec_BASE64, of 24 to 64 random bytes")
        return words

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> Self:
        if bool(self.webhook_hosts) != bool(self.webhook_secrets):
            raise ValueError("RELIGHT_WEBHOOK_HOSTS and RELIGHT_WEBHOOK_SECRETS need each other")
        return self

    @property
    def job_bytes(self) -> int:
        """Bytes that jobs may hold: as set, else a share of the memory limit."""
        if self.max_job_bytes is not None:
            return self.max_job_bytes
        return min(_MAX_DEFAULT_JOB_BYTES, int(available_memory_bytes() * _JOB_SHARE))

    @property
    def webhook_names(self) -> Collection[str]:
        """Names of hosts that webhooks may go to, in lower case."""
        return {word.lower() for word in self.webhook_hosts if _network_of(word) is None}

    @property
    def webhook_networks(self) -> Sequence[IPv4Network | IPv6Network]:
        """Networks whose addresses need not be public."""
        return [net for word in self.webhook_hosts if (net := _network_of(word)) is not None]

    @property
    def webhook_keys(self) -> Mapping[str, bytes]:
        """What to sign webhooks with, by the name of the caller's key."""
        pairs = (word.partition(":") for word in self.webhook_secrets)
        return {name: _secret_of(secret) for name, _, secret in pairs}


def _network_of(word: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(word)
    except ValueError:
        return None


def _secret_of(text: str) -> bytes:
    """Return the bytes of a secret; none where the text has another form."""
    if not text.startswith(_MARK):
        return b""
    try:
        return base64.b64decode(text.removeprefix(_MARK), validate=True)
    except binascii.Error:
        return b""
