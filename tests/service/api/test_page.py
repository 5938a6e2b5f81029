"""The demo page's files over HTTP."""

from __future__ import annotations

import re

import pytest

from tests import http_client as http


def test_every_file_of_the_page_has_its_type_and_a_strict_policy(url):
    html = http.get(f"{url}/").raise_for_status()
    files = re.findall(r'(?:src|href)="(web/[^"]+)"', html.text)
    assert {"web/app.js", "web/style.css", "web/icon.svg"} <= set(files)
    types = {
        "js": "text/javascript",
        "css": "text/css",
        "svg": "image/svg+xml",
        "jpg": "image/jpeg",
    }
    for path in files:
        answer = http.get(f"{url}/{path}").raise_for_status()
        assert answer.headers["content-type"].startswith(types[path.rpartition(".")[2]])
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy


def test_the_page_has_no_inline_script_or_style_and_names_no_other_host(url):
    html = http.get(f"{url}/").text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)


def test_a_file_that_the_caller_has_is_not_sent_again(url):
    first = http.get(f"{url}/web/app.js")
    again = http.get(f"{url}/web/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert first.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["nothing.js", "samples", "%2e%2e/app.py", "..%2fapp.py", "%00"])
def test_nothing_but_the_pages_files_is_served(url, path):
    answer = http.get(f"{url}/web/{path}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_head_is_answered(url):
    assert http.head(f"{url}/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/swagger-ui.css", "/web/app.js"])
@pytest.mark.parametrize("part", ["0", "bytes=9999999-", "bytes=0-1,3-4", "bytes=0-0", "\xff"])
def test_a_part_of_a_file_is_answered_with_the_whole(url, path, part):
    answer = http.get(f"{url}{path}", headers={"Range": part.encode("latin-1")})
    assert answer.status_code == 200
    assert answer.content == http.get(f"{url}{path}").content
