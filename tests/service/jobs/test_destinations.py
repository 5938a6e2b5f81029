"""Where webhooks may go: to listed hosts at public addresses, and to listed networks."""

from __future__ import annotations

import asyncio
import socket
import threading
from ipaddress import ip_network

import pytest

from service.jobs.destinations import Destinations, RefusedDestination


def answering(*addresses: str):
    """A resolver that gives these addresses for every name."""

    def resolve(host, port, **how):
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    return resolve


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.7",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.7",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:7",
        "2002:a00:7::1",
        "64:ff9b:1::a00:7",
        "::10.0.0.7",
        "::ffff:0:10.0.0.7",
        "fec0::1",
        "4000::1",
    ],
)
async def test_a_listed_name_that_leads_inside_is_refused(address, monkeypatch):
    allowed = Destinations({"hooks.example.com"}, ())
    for found in ((address,), ("93.184.216.34", address)):
        monkeypatch.setattr(socket, "getaddrinfo", answering(*found))
        with pytest.raises(RefusedDestination, match="not public"):
            await allowed.resolve("https://hooks.example.com/")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
async def test_a_listed_name_at_public_addresses_is_allowed_over_https_alone(address, monkeypatch):
    allowed = Destinations({"hooks.example.com"}, ())
    monkeypatch.setattr(socket, "getaddrinfo", answering(address))
    target = await allowed.resolve("https://HOOKS.example.com:8443/x")
    assert str(target.address) == address
    with pytest.raises(RefusedDestination, match="https"):
        await allowed.resolve("http://hooks.example.com/x")


async def test_private_addresses_need_a_listed_network(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", answering("10.1.2.3"))
    allowed = Destinations({"editor.internal"}, [ip_network("10.1.0.0/16")])
    assert str((await allowed.resolve("http://editor.internal/")).address) == "10.1.2.3"
    monkeypatch.setattr(socket, "getaddrinfo", answering("10.2.0.1"))
    with pytest.raises(RefusedDestination):
        await allowed.resolve("http://editor.internal/")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://hooks.example.com.evil.example/",
        "https://xn--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/",
        "https://xn--/",
        "https://xn--a\ufffd/",
        "https://hooks.example.com@evil.example/",
        "https://user:pass@hooks.example.com/",
        "https://hooks.example.com/#part",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "//hooks.example.com/",
        "hooks.example.com",
        "https://",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://sub.hooks.example.com/",
        "https://hooks.example.com./",
        "https://hooks.example.com/" + "a" * 2000,
        "https://hooks.example.com:99999/",
        "https://hooks example.com/",
        "",
    ],
)
def test_other_urls_are_refused(url):
    with pytest.raises(RefusedDestination):
        Destinations({"hooks.example.com"}, ()).check(url)


async def test_a_name_whose_servers_are_silent_holds_up_no_other_work(monkeypatch):
    """Names have threads apart from those of `asyncio.to_thread`, and one each."""
    answer, asked = threading.Event(), []

    def look_up(host, port, **how):
        asked.append(host)
        answer.wait()
        return [(0, 0, 0, "", ("93.184.216.34", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    allowed = Destinations({"a.example", "b.example"}, ())
    urls = [f"https://{host}.example/" for host in "ab"] * 100
    waiting = [asyncio.create_task(allowed.resolve(url)) for url in urls]
    try:
        await asyncio.sleep(0)
        assert [await asyncio.to_thread(int, n) for n in range(100)] == list(range(100))
        for task in waiting[:50]:
            task.cancel()
    finally:
        answer.set()
    targets = await asyncio.gather(*waiting[50:])
    assert {str(target.address) for target in targets} == {"93.184.216.34"}
    assert sorted(asked) == ["a.example", "b.example"]
