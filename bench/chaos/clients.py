"""Clients that are slow, leave early, have short deadlines, or send false headers."""

from __future__ import annotations

from contextlib import suppress

from bench.chaos.fault import (
    PATIENCE_S,
    Fault,
    connect,
    peak_mb,
    received,
    relit,
    still_serves,
    wait_until,
)
from bench.harness import Service, photo, running

_FAKE = "5+1n"
_HEAD = b"POST /relight HTTP/1.1\r\nHost: x\r\n"
_MAX_GROWTH_MB = 100


def _slow() -> tuple[str, bool]:
    knobs = {"header_timeout_s": 1, "first_byte_timeout_s": 1, "body_timeout_s": 1}
    with running(_FAKE, settings=knobs) as service:
        silent, header, body = (connect(service) for _ in range(3))
        header.sendall(_HEAD)
        body.sendall(_HEAD + b"Content-Length: 9999\r\n\r\nx")
        answers = [received(client)[9:12].decode() for client in (silent, header, body)]
        return f"answers {answers}", answers == ["", "408", "408"] and still_serves(service)


def _half_open() -> tuple[str, bool]:
    """Disconnect after the request's head, a hundred times."""
    with running(_FAKE, settings={"body_timeout_s": 2}) as service:
        clients = [connect(service) for _ in range(100)]
        for client in clients:
            client.sendall(_HEAD + b"Content-Length: 5000000\r\n\r\n" + bytes(1000))
        gone = wait_until(lambda: service.metric("relight_connections") == 0)
        held = service.metric("relight_bytes_in_flight")
        return f"{held:.0f} bytes held afterwards", gone and not held and still_serves(service)


def _unread() -> tuple[str, bool]:
    body, num_bytes = photo(3464), 300_000_000  # 12 megapixels
    knobs = {"write_timeout_s": 10, "max_inflight_bytes": num_bytes, "num_threads": 2}
    with running(_FAKE, settings=knobs) as service:
        before_mb = peak_mb(service)
        clients = [connect(service, receive_bytes=4096) for _ in range(12)]
        for client in clients:
            query = b"POST /relight?format=tiff&strength=0 HTTP/1.1\r\nHost: x\r\n"
            client.sendall(query + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        least = most = 0.0

        def is_cut() -> bool:
            """Compare the bytes of the answers with those accounted, until a connection is cut."""
            nonlocal least, most
            made = service.metric("relight_http_response_body_bytes_sum")
            held = service.metric("relight_bytes_in_flight")
            closed = service.metric("relight_connections_closed_total") > 0
            if not closed:
                least, most = max(least, made - held), max(most, held)
            return closed

        cut = wait_until(is_cut)
        freed = wait_until(lambda: service.metric("relight_bytes_in_flight") == 0)
        grown_mb = peak_mb(service) - before_mb
        for client in clients:
            client.close()
        text = f"{most / 1e6:.0f} MB accounted at most, {grown_mb:.0f} MB grown"
        is_kept = cut and freed and least <= 0 < most <= num_bytes and grown_mb < 700
        return text, is_kept and still_serves(service)


def _unread_batch() -> tuple[str, bool]:
    """Read nothing of the archive of twenty photos, which would be some 500 MB."""
    part = b'--X\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    body = (part + photo(3464) + b"\r\n") * 20 + b"--X--\r\n"
    head = (
        b"POST /relight/batch?format=tiff&strength=0 HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: multipart/form-data; boundary=X\r\nContent-Length: %d\r\n\r\n"
    )
    knobs = {"write_timeout_s": 10, "num_threads": 2, "request_timeout_ms": int(PATIENCE_S * 1e3)}
    with running(_FAKE, settings=knobs) as service:
        before_mb = peak_mb(service)
        client = connect(service, receive_bytes=4096)
        client.sendall(head % len(body) + body)
        cut = wait_until(lambda: service.metric("relight_connections_closed_total") > 0)
        freed = wait_until(lambda: service.metric("relight_bytes_in_flight") == 0)
        grown_mb = peak_mb(service) - before_mb - len(body) / 1e6
        client.close()
        text = f"{grown_mb:.0f} MB grown beside the body of {len(body) / 1e6:.0f} MB"
        return text, cut and freed and grown_mb < 500 and still_serves(service)


def _pipelining() -> tuple[str, bool]:
    with running(_FAKE) as service:
        before_mb, client = peak_mb(service), connect(service)
        _flood(client, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        return _grown(service, before_mb)


def _lies() -> tuple[str, bool]:
    lies = (
        _HEAD + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        _HEAD + b"Content-Length: -1\r\n\r\n",
        _HEAD + b"Content-Length: 99000000000\r\n\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc",
        _HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"\x16\x03\x01\x02\x00" + b"x" * 60,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    )
    with running(_FAKE) as service:
        statuses = []
        for lie in lies:
            client = connect(service)
            client.sendall(lie)
            client.settimeout(5)
            statuses.append(received(client)[9:12].decode())
        return f"statuses {statuses}", not {"200", "500"} & {*statuses} and still_serves(service)


def _floods() -> tuple[str, bool]:
    starts = (
        (_HEAD, b"a:\r\n" * 60_000),
        (_HEAD + b"a: ", b"b" * 250_000),
        (b"GET /?", b"a=1&" * 60_000),
        (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;a=", b"b" * 250_000),
        (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a:\r\n" * 60_000),
    )
    with running(_FAKE) as service:
        before_mb = peak_mb(service)
        for start, part in starts:
            client = connect(service)
            client.sendall(start)
            _flood(client, part)
        return _grown(service, before_mb)


def _forms() -> tuple[str, bool]:
    """Send forms that are costly to read, and leave each one open."""
    field = b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    file = field.replace(b'"a"', b'"image"; filename="a"')
    floods = (
        (b"", field + b"x\r\n"),
        (b"--X\r\n", b"a:\r\n"),
        (b"--X\r\n", b"a" * 5000),
        (file, b"\r\n--Xa"),
        (b"", field + b"\xf0\x9f\x92\xa1" + b"a" * 1_000_000 + b"\r\n"),
    )
    head = _HEAD + b"Content-Type: multipart/form-data; boundary=X\r\nContent-Length: 40000000\r\n"
    with running(_FAKE) as service:
        before_mb, statuses = peak_mb(service), set()
        for start, part in floods * 4:
            client = connect(service)
            with suppress(OSError):
                client.sendall(head + b"\r\n" + start + part * (30_000_000 // len(part)))
            statuses.add(received(client)[9:12].decode())
        text, is_kept = _grown(service, before_mb)
        return f"statuses {statuses}, {text}", is_kept and statuses == {"400"}


def _crowd() -> tuple[str, bool]:
    with running(_FAKE, settings={"max_connections": 100}) as service:
        clients = [connect(service) for _ in range(1000)]
        status = received(clients[-1])[9:12].decode()
        for client in clients:
            client.close()
        served = wait_until(lambda: relit(service).status_code == 200)
        return f"the last of 1000 gets {status}", status == "503" and served


def _flood(client: object, part: bytes) -> None:
    """Send up to 100 MB, until the service has enough."""
    try:
        for _ in range(100_000_000 // len(part)):
            client.sendall(part)  # type: ignore[attr-defined]
    except OSError:
        return


def _grown(service: Service, before_mb: float) -> tuple[str, bool]:
    grown_mb = peak_mb(service) - before_mb
    return f"{grown_mb:.0f} MB grown", grown_mb < _MAX_GROWTH_MB and still_serves(service)


FAULTS = (
    Fault("slow first byte, headers, body", "closed, 408, 408", _slow),
    Fault("a hundred bodies that never come", "nothing is held afterwards", _half_open),
    Fault("twelve unread answers", "accounted for, then cut", _unread),
    Fault("a batch of twenty that is not read", "a few answers are held, then cut", _unread_batch),
    Fault("pipelining without end", "cut; less than 100 MB", _pipelining),
    Fault("lies about lengths, other protocols", "an error, no wrong answer", _lies),
    Fault("headers, trailers, extensions without end", "cut; less than 100 MB", _floods),
    Fault(
        "parts, headers, text, boundaries of a form without end", "400; less than 100 MB", _forms
    ),
    Fault("1000 connections where 100 may be", "503, and free places are used", _crowd),
)
