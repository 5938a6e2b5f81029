"""Every setting of the service, read once from `RELIGHT_*` environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from service.host import available_cpus, available_memory_bytes
from service.settings.environment import PREFIX, Words, refuse_unknown_variables
from service.settings.job_variables import JobVariables
from service.settings.key_entries import check_key_entries

# The rest is for the process itself, its models and the cache.
_INFLIGHT_SHARE: Final = 0.2
_WORKING_SHARE: Final = 0.4
_MAX_DEFAULT_INFLIGHT_BYTES: Final = 1_000_000_000


class Settings(JobVariables):
    """The settings, frozen after start. An unknown `RELIGHT_*` variable refuses the start."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = Field(
        default="127.0.0.1", description="address to listen on; 0.0.0.0 in a container"
    )
    port: int = Field(default=8000, ge=0, le=65535, description="port of the API")
    ops_port: int = Field(
        default=9000,
        ge=0,
        le=65535,
        description="second port for probes and metrics, responsive under overload",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="lowest severity to log"
    )

    models_dir: Path = Field(
        default=Path(__file__).parents[1] / "models",
        description="folder with the `.onnx` models to serve",
        json_schema_extra={"default_text": "the package's own `models`"},
    )
    providers: Literal["auto", "cuda", "cpu", "openvino"] = Field(
        default="auto",
        description="device to run on: `auto` takes CUDA if it initialises, else the CPU; "
        "`openvino` runs scene graphs in bfloat16 on the CPU (`relight[openvino]`)",
    )
    require_gpu: bool = Field(
        default=False, description="refuse to start if the GPU does not initialise"
    )
    num_device_threads: int | None = Field(
        default=None,
        ge=1,
        description="threads for inference on the CPU, shared by the photos that are inferred at "
        "the same time",
        json_schema_extra={"default_text": "the CPU quota"},
    )

    buckets: Literal["aspect", "square"] = Field(
        default="aspect",
        description="input shapes of the model: `aspect` is nine shapes, of which a photo gets "
        "the one closest to its proportions; `square` stretches every photo to one square, which "
        "fills batches best",
    )
    max_batch_size: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="most images on the device at once",
        json_schema_extra={"default_text": "8 on a GPU; on a CPU one per inference thread"},
    )
    max_queue_wait_ms: int = Field(
        default=10_000,
        ge=1,
        description="longest wait for the device; a request that would wait longer gets a 503",
    )
    overload_status: Literal["503", "429"] = Field(
        default="503", description="HTTP status of refusals because of overload"
    )
    request_timeout_ms: int = Field(
        default=60_000,
        ge=1,
        description="time limit of a whole request; `X-Request-Timeout-Ms` can only shorten it",
    )

    max_connections: int = Field(
        default=1000,
        ge=1,
        description="most connections to the API's port; above it, a 503. The limit of open files "
        "may lower it. The second port has its own",
    )
    max_header_bytes: int = Field(
        default=32_768, ge=1024, description="most bytes of a request's line and headers"
    )
    max_headers: int = Field(default=100, ge=8, description="most header fields of a request")
    first_byte_timeout_s: float = Field(
        default=30.0, gt=0, description="time from a connection to its first byte"
    )
    header_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="time from a request's first byte to the end of its headers",
    )
    idle_timeout_s: float = Field(
        default=75.0,
        gt=0,
        description="time for which a connection may be idle between requests; must exceed the "
        "proxy's, so that the proxy closes first",
    )
    write_timeout_s: float = Field(
        default=30.0,
        gt=0,
        description="time limit for a client to read the next 64 KiB of its answer, or the rest",
    )

    max_body_bytes: int = Field(default=50_000_000, ge=1, description="largest request body")
    max_batch_bytes: int = Field(
        default=200_000_000, ge=1, description="largest body of `/relight/batch`"
    )
    max_batch_images: int = Field(
        default=64, ge=1, le=1000, description="most photos in one `/relight/batch`"
    )
    max_inflight_bytes: int | None = Field(
        default=None,
        ge=1,
        description="memory for the bodies, decoded pixels and answers of all requests together; "
        "above it, a 503",
        json_schema_extra={"default_text": "a fifth of the memory limit, at most `1000000000`"},
    )
    max_working_bytes: int | None = Field(
        default=None,
        ge=1,
        description="memory for the decoders and encoders that run at the same time; others wait, "
        "and a picture that alone needs more is refused",
        json_schema_extra={"default_text": "two fifths of the memory limit"},
    )
    body_timeout_s: float = Field(
        default=30.0, gt=0, description="time limit for a client to send its body"
    )
    max_pixels: int = Field(
        default=50_000_000, ge=1, description="largest width x height of an image"
    )
    max_side_px: int = Field(default=16_384, ge=16, description="longest side of an image")
    max_decoded_bytes: int = Field(
        default=512_000_000, ge=1, description="most memory for the pixels of one decoded image"
    )
    min_side_px: int = Field(default=32, ge=1, description="shortest side of an image")
    decode_budget_s: float = Field(
        default=20.0,
        gt=0,
        description="time limit for decoding one image; past it the caller gets a 422, "
        "and the thread no longer counts against `RELIGHT_NUM_THREADS`",
    )
    num_threads: int | None = Field(
        default=None,
        ge=1,
        description="threads that decode, upsample the light to full size, and encode",
        json_schema_extra={"default_text": "the CPU quota"},
    )

    mark: bool = Field(
        default=True,
        description="mark each relit photo as edited with AI (IPTC's `DigitalSourceType`) in its "
        "XMP; if off, marking is up to your own pipeline",
    )

    c2pa_cert: Path | None = Field(
        default=None,
        description="certificate chain in PEM that signs a C2PA manifest into each answer "
        "(`relight[c2pa]`)",
        json_schema_extra={"default_text": "none; nothing is signed"},
    )
    c2pa_key: Path | None = Field(
        default=None,
        description="its private key in PEM",
        json_schema_extra={"default_text": "none"},
    )
    c2pa_signer: str | None = Field(
        default=None,
        pattern=r"^\w+(\.\w+)*:\w+(\.\w+)*$",
        description="instead of `RELIGHT_C2PA_KEY`, for a key that is kept elsewhere: a Python "
        "function, as `module:function`, that takes bytes and returns their signature",
        json_schema_extra={"default_text": "none"},
    )

    cache_bytes: int = Field(
        default=256_000_000,
        ge=0,
        description="memory for the model outputs of recent photos and, as far as they leave it, "
        "for decoded photos; 0 turns the cache off",
    )

    api_keys: Words = Field(
        default=(),
        description="callers' keys as `name:sha256`, comma-separated (`--hash-key` makes them), "
        "with `:bulk` appended for bulk work only; if empty, no key is needed",
        json_schema_extra={"default_text": "none"},
    )
    admin_keys: Words = Field(
        default=(),
        description="operators' keys, in the same form; if empty, `/-/reload` is closed",
        json_schema_extra={"default_text": "none"},
    )
    require_keys: bool = Field(
        default=False,
        description="refuse to start without `RELIGHT_API_KEYS`, so that a missing Secret does not "
        "open the service",
    )
    max_requests_per_key: int | None = Field(
        default=None,
        ge=1,
        description="most photos or batches in flight for one key; above this, a 429",
        json_schema_extra={"default_text": "no limit"},
    )
    cors_origins: Words = Field(
        default=(),
        description="web origins whose pages may call the API, comma-separated, or `*`",
        json_schema_extra={"default_text": "none"},
    )

    tracing: bool = Field(
        default=False,
        description="send OpenTelemetry traces (`relight[tracing]`); see the `OTEL_*` variables",
    )
    fake_engine: str | None = Field(
        default=None,
        pattern=r"^\d+(\.\d+)?\+\d+(\.\d+)?n$",
        description="for load tests: wait for this time in ms instead of inferring, such as `8+6n`",
        json_schema_extra={"default_text": "off"},
    )

    drain_s: float = Field(
        default=5.0,
        ge=0,
        description="time from SIGTERM (`/readyz` turns 503) until the service stops listening",
    )

    @field_validator("api_keys", "admin_keys")
    @classmethod
    def _are_digests(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        check_key_entries(words)
        return words

    @model_validator(mode="after")
    def _has_the_keys_that_it_needs(self) -> Self:
        if self.require_keys and not self.api_keys:
            raise ValueError("RELIGHT_REQUIRE_KEYS is on, and RELIGHT_API_KEYS holds no key")
        return self

    @model_validator(mode="after")
    def _has_a_certificate_with_one_key(self) -> Self:
        num_keys = (self.c2pa_key is not None) + (self.c2pa_signer is not None)
        if num_keys != (self.c2pa_cert is not None):
            raise ValueError(
                "RELIGHT_C2PA_CERT needs one of RELIGHT_C2PA_KEY and RELIGHT_C2PA_SIGNER, and each "
                "of them needs RELIGHT_C2PA_CERT"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_variables(cls, values: object) -> object:
        refuse_unknown_variables(cls.model_fields)
        return values

    @property
    def inflight_bytes(self) -> int:
        """Bytes that requests may hold: as set, else a share of the memory limit."""
        share = int(available_memory_bytes() * _INFLIGHT_SHARE)
        return self.max_inflight_bytes or min(_MAX_DEFAULT_INFLIGHT_BYTES, share)

    @property
    def working_bytes(self) -> int:
        """Bytes for decoders and encoders: as set, else a share of the memory limit."""
        return self.max_working_bytes or int(available_memory_bytes() * _WORKING_SHARE)

    @property
    def num_pool_threads(self) -> int:
        """Threads for decoding and encoding: as set, else one per available CPU."""
        return self.num_threads or available_cpus()

    @property
    def num_inference_threads(self) -> int:
        """Threads of one inference on the CPU: as set, else one per available CPU."""
        return self.num_device_threads or available_cpus()
