"""The errors of the service and its clients.

    bytes -> sniff -> header -> pixels -> bucket -> queue -> device -> detail -> bytes

RelightError
├── InvalidRequest            the request, not the image, is invalid
│   ├── InvalidMultipart      the body is not the multipart form that its header announces
│   ├── InvalidTensor         the tensors of an inference request are malformed
│   ├── MissingImage          no image part, or an empty body
│   ├── InvalidOption         an option is unknown, or its value is not allowed
│   ├── BodyTooLarge          more bytes than `Settings.max_body_bytes`
│   ├── BodyTimeout           the body did not arrive within `Settings.body_timeout_s`
│   ├── Unauthorized          no key, or an unknown one
│   ├── Forbidden             the key does not allow this
│   ├── JobNotFound           the job is unknown, forgotten, or another caller's
│   ├── JobUnfinished         the job has no result yet
│   └── IdempotencyKeyReused  the key came with another request before
├── ImageError                the picture is wrong
│   ├── UnsupportedMediaType  the bytes are of no supported format
│   ├── ImageCorrupt          the format is known, the data are damaged or truncated
│   ├── ImageTooLarge         more pixels, or a longer side, than the limits
│   ├── ImageTooSmall         a side is shorter than `Settings.min_side_px`
│   ├── ImageAnimated         more than one frame or page
│   ├── LightUnreadable       the light of a reference has no direction that can be read
│   └── ImageTooSlow          decoding takes longer than `Settings.decode_budget_s`
├── Unavailable               try again later
│   ├── Overloaded            the wait would exceed the limit
│   │   └── ServerFull        the bytes in flight would exceed the limit
│   ├── RateLimited           this caller has too many requests at once
│   ├── Draining              this process is shutting down
│   └── ModelNotReady         no model is loaded and warm yet
├── DeadlineExceeded          the request's time ran out
├── InferenceFailed           the device failed on this item
│   ├── OutOfMemory           the device has no memory for a batch of that size
│   └── DevicePoisoned        the device will fail on everything until the process restarts
├── SigningFailed             the answer's C2PA manifest could not be signed
└── ModelRefused              an ONNX file does not keep its contract (at load)

HTTP is separate: `service.api.problems` gives each error its status and code.
"""

from __future__ import annotations

from typing import ClassVar


class RelightError(Exception):
    """Base of every failure; its text is safe to show to a caller.

    Attributes:
        code: names the class in problems, logs and metrics; a class without its own inherits one.
        request_id: id of the failed request, if the client knows it.
    """

    code: ClassVar[str] = "internal"
    request_id: str | None = None


class InvalidRequest(RelightError):
    """The request, not the picture, is wrong."""


class InvalidMultipart(InvalidRequest):
    """The body is not the multipart form that its header announces."""

    code = "invalid_multipart"


class InvalidTensor(InvalidRequest):
    """The tensors of a request in the Open Inference Protocol are malformed."""

    code = "invalid_tensor"


class MissingImage(InvalidRequest):
    """The request carries no image."""

    code = "missing_image"


class InvalidOption(InvalidRequest):
    """An option is unknown, or its value is not allowed.

    Attributes:
        option: name of the option.
        allowed: the accepted values; empty if they cannot be listed.
    """

    code = "invalid_option"

    def __init__(self, detail: str, *, option: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.option = option
        self.allowed = allowed


class BodyTooLarge(InvalidRequest):
    """The body has more bytes than the service accepts."""

    code = "body_too_large"


class BodyTimeout(InvalidRequest):
    """The body did not arrive in time."""

    code = "body_timeout"


class Unauthorized(InvalidRequest):
    """The request has no key, or an unknown one."""

    code = "unauthorized"


class Forbidden(InvalidRequest):
    """The key does not allow the request."""

    code = "forbidden"


class JobNotFound(InvalidRequest):
    """The process has no such job of this caller, or has it no longer."""

    code = "job_not_found"


class JobUnfinished(InvalidRequest):
    """The job has no result yet."""

    code = "job_unfinished"


class IdempotencyKeyReused(InvalidRequest):
    """The `Idempotency-Key` came with another request before."""

    code = "idempotency_key_reused"


class ImageError(RelightError):
    """The picture is wrong."""


class UnsupportedMediaType(ImageError):
    """The bytes are of no image format that the service reads."""

    code = "unsupported_media_type"


class ImageCorrupt(ImageError):
    """The format is known, but the data are broken or cut off."""

    code = "image_corrupt"


class ImageTooLarge(ImageError):
    """The picture has more pixels, or a longer side, than the service accepts."""

    code = "image_too_large"


class ImageTooSmall(ImageError):
    """A side of the picture is shorter than the service accepts."""

    code = "image_too_small"


class ImageAnimated(ImageError):
    """The file holds more than one frame or page."""

    code = "image_animated"


class LightUnreadable(ImageError):
    """The light of the reference has no direction that can be read."""

    code = "light_unreadable"


class ImageTooSlow(ImageError):
    """Decoding the image exceeds its time budget."""

    code = "image_too_slow"


class Unavailable(RelightError):
    """The service cannot take the request now.

    Attributes:
        retry_after_s: time until a retry makes sense, in seconds.
    """

    def __init__(self, detail: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Overloaded(Unavailable):
    """The wait would exceed the limit."""

    code = "overloaded"


class ServerFull(Overloaded):
    """The bytes that all requests hold together would exceed the limit."""

    code = "server_full"


class RateLimited(Unavailable):
    """This caller has reached its limit of requests in flight."""

    code = "rate_limited"


class Draining(Unavailable):
    """This process is shutting down."""

    code = "draining"


class ModelNotReady(Unavailable):
    """No model is loaded and warm yet."""

    code = "model_not_ready"


class DeadlineExceeded(RelightError):
    """The request's time ran out before its answer was ready."""

    code = "deadline_exceeded"


class InferenceFailed(RelightError):
    """The device failed on this item."""

    code = "gpu_error"


class OutOfMemory(InferenceFailed):
    """The device has no memory for a batch of that size."""

    code = "out_of_memory"


class DevicePoisoned(InferenceFailed):
    """The device's context is broken: only a new process can use it again."""

    code = "device_poisoned"


class SigningFailed(RelightError):
    """The answer's C2PA manifest could not be signed."""

    code = "signing_failed"


class ModelRefused(RelightError):
    """An ONNX file does not keep the contract of `service.contract.metadata`."""

    code = "model_refused"
