"""The API's description comes from this host alone."""

from __future__ import annotations

import re

import pytest

from tests import http_client as http


def test_docs_ask_no_other_host_for_anything(url):
    page = http.get(f"{url}/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) == 4
    for file in files:
        assert file.startswith("/")
        assert http.get(f"{url}{file}").status_code == 200
    assert "<script>" not in page.text


@pytest.mark.parametrize("path", ["/redoc", "/docs/redoc.standalone.js", "/docs/oauth2-redirect"])
def test_nothing_else_of_the_frameworks_pages_is_served(url, path):
    assert http.get(f"{url}{path}").status_code == 404


def test_head_of_docs_is_answered(url):
    assert http.head(f"{url}/docs").status_code == 200
