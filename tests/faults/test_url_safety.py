"""Addresses that nothing may be fetched from, in every spelling."""

from __future__ import annotations

import urllib.request

import pytest

from cellflow_core.data.download import downloads, url_safety

INSIDE = [
    "http://127.0.0.1/x",
    "http://localhost:8501/x",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.7/x",
    "http://192.168.1.1/x",
    "http://0.0.0.0/x",
    "http://[::1]/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://[64:ff9b::7f00:1]/x",
    "http://[2002:7f00:1::]/x",
    "http://[fe80::1]/x",
    "http://[fd00::1]/x",
    "http://2130706433/x",
    "http://0x7f.1/x",
    "http://224.0.0.1/x",
    "http://192.0.0.192/x",
    "http://[64:ff9b:1::7f00:1]/x",
    "http://[fec0::1]/x",
    "http://[::7f00:1]/x",
]


@pytest.mark.parametrize("inside", INSIDE)
def test_addresses_inside_the_house_are_refused(inside: str) -> None:
    with pytest.raises(ValueError, match="public"):
        downloads.register_download(inside)


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "127.0.0.1.",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "①②⑦.⓪.⓪.①",
        "[::1]",
        "[::ffff:7f00:1]",
        "192.0.0.192",
        "printer",
        "nas.local",
        "metadata.google.internal",
    ],
)
def test_odd_spellings_of_the_house_are_refused_behind_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"http": "http://proxy:3128"})
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: False)
    with pytest.raises(ValueError, match="public"):
        url_safety.check(f"http://{host}/x")
    assert url_safety.check("http://data.example.org/x") == "http://data.example.org/x"


@pytest.mark.parametrize(
    "wrong", ["file:///etc/passwd", "ftp://a.org/x", "data:,x", "cells.h5ad", "", "https://", "http://[", "http://a:b/"]
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        downloads.register_download(wrong)


def test_a_login_in_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="holds a login"):
        downloads.register_download("https://me:secret@example.org/cells.h5ad")
