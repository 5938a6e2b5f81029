"""What can go wrong, in the service's own words.

    bytes -> sniff -> header -> pixels -> bucket -> queue -> device -> detail -> bytes

RelightError
├── InvalidRequest            the request, not the picture, is wrong
│   ├── InvalidMultipart      the body is not the multipart that its header says
│   ├── MissingImage          no image part, or an empty body
│   ├── InvalidOption         an option is unknown, or its value is not allowed
│   ├── BodyTooLarge          more bytes than `Settings.max_body_bytes`
│   ├── BodyTimeout           the body came more slowly than `Settings.body_timeout_s`
│   ├── Unauthorized          no key, or an unknown one
│   └── Forbidden             the key does not allow this
├── ImageError                the picture is wrong
│   ├── UnsupportedMediaType  the bytes are of no format that we read
│   ├── ImageCorrupt          the format is right, the data are broken or cut off
│   ├── ImageTooLarge         more pixels, or a longer side, than the limits
│   ├── ImageTooSmall         a side under the smallest that can be relit
│   ├── ImageAnimated         more than one frame or page
│   └── ImageTooSlow          decoding takes longer than `Settings.decode_budget_s`
├── Unavailable               try again later
│   ├── Overloaded            the wait would pass the limit
│   │   └── ServerFull        the bytes in flight would pass the limit
│   ├── RateLimited           this caller has too many requests at once
│   ├── Draining              this process is shutting down
│   └── ModelNotReady         no model is loaded and warm yet
├── DeadlineExceeded          the request's time ran out
├── InferenceFailed           the device failed on this item
│   ├── OutOfMemory           the device has no memory for a batch of that size
│   └── DevicePoisoned        the device will fail on everything until the process restarts
└── ModelRefused              an ONNX file does not keep its contract (at load)

Nothing here knows HTTP: `service.api.problems` gives each error its status and code.
"""

from __future__ import annotations


class RelightError(Exception):
    """Base of every failure; its text is safe to show to a caller.

    Attributes:
        request_id: of the request that failed, where a client was told it.
    """

    request_id: str | None = None


class InvalidRequest(RelightError):
    """The request, not the picture, is wrong."""


class InvalidMultipart(InvalidRequest):
    """The body is not the multipart that its header says."""


class MissingImage(InvalidRequest):
    """The request carries no image."""


class InvalidOption(InvalidRequest):
    """An option is unknown, or its value is not allowed.

    Attributes:
        option: name of the option.
        allowed: what would have been accepted; empty when it cannot be listed.
    """

    def __init__(self, detail: str, *, option: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.option = option
        self.allowed = allowed


class BodyTooLarge(InvalidRequest):
    """The body has more bytes than the service accepts."""


class BodyTimeout(InvalidRequest):
    """The body did not arrive in time."""


class Unauthorized(InvalidRequest):
    """The request carries no key, or one that nobody was given."""


class Forbidden(InvalidRequest):
    """The request's key does not allow what it asks for."""


class ImageError(RelightError):
    """The picture is wrong."""


class UnsupportedMediaType(ImageError):
    """The bytes are of no image format that the service reads."""


class ImageCorrupt(ImageError):
    """The format is known, but the data are broken or cut off."""


class ImageTooLarge(ImageError):
    """The picture has more pixels, or a longer side, than the service accepts."""


class ImageTooSmall(ImageError):
    """A side of the picture is under the smallest that can be relit."""


class ImageAnimated(ImageError):
    """The file holds more than one frame or page."""


class ImageTooSlow(ImageError):
    """Decoding the picture takes longer than it may."""


class Unavailable(RelightError):
    """The service cannot take the request now.

    Attributes:
        retry_after_s: when it is worth asking again, in seconds.
    """

    def __init__(self, detail: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Overloaded(Unavailable):
    """The wait would pass the limit."""


class ServerFull(Overloaded):
    """The bytes that all requests hold together would pass the limit."""


class RateLimited(Unavailable):
    """This caller has as many requests in flight as it may have."""


class Draining(Unavailable):
    """This process is shutting down."""


class ModelNotReady(Unavailable):
    """No model is loaded and warm yet."""


class DeadlineExceeded(RelightError):
    """The request's time ran out before its answer was ready."""


class InferenceFailed(RelightError):
    """The device failed on this item."""


class OutOfMemory(InferenceFailed):
    """The device has no memory for a batch of that size."""


class DevicePoisoned(InferenceFailed):
    """The device's context is broken: only a new process can use it again."""


class ModelRefused(RelightError):
    """An ONNX file does not keep the contract of `service.contract.metadata`."""
