"""Addresses that may be fetched from: of the public internet, by http or https, and nothing inside the house.

A server that fetches what a visitor names must not open its own network: no addresses of this machine or
its network (also not after a redirect or a second name look-up), no other protocols, no logins in addresses.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import unicodedata
import urllib.parse
import urllib.request
from typing import Any

from cellflow_core.workspace import limits

ELSEWHERE = "download the file on another machine and upload it here"
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_INSIDE = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "64:ff9b:1::/48", "fec0::/10", "::/96", "2001::/23", "5f00::/16"))
)
"""Networks of no public host that some versions of `ipaddress` call global: assignments of protocols, translation
within a site, site-local addresses, IPv4 in the last bits, tunnels, segment routing (registries of IANA)."""
_LOCAL_NAMES = (".localhost", ".localdomain", ".local", ".internal", ".intranet", ".lan", ".home.arpa")


def check(url: str) -> str:
    """The address, or ValueError with a sentence where nothing may be fetched from it."""
    try:
        parts = urllib.parse.urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{url!r} is no address: one that begins with https:// is expected") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{url!r} is no address of a download: one that begins with https:// or http:// is expected")
    if parts.username is not None:
        raise ValueError(f"the address of {host} holds a login: {ELSEWHERE}")
    if not _proxied(parts.scheme, host):
        try:
            for *_, address in socket.getaddrinfo(host, parts.port, type=socket.SOCK_STREAM):
                _refuse_inside(str(address[0]), host)
        except socket.gaierror:
            pass  # the connection itself says that there is no such host
        except UnicodeError:
            raise ValueError(f"{url!r} is no address: the name of its host is none") from None
    else:
        _refuse_by_name(host)
    kept = "%/:=&?~+!$,;'@()*[]"  # the rest, such as a blank, is written as %20
    path, query = urllib.parse.quote(parts.path, safe=kept), urllib.parse.quote(parts.query, safe=kept)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def opener() -> urllib.request.OpenerDirector:
    """Opens http and https only: no files, no ftp, no data in the address."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
        _Http(),
        _Https(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        return super().redirect_request(req, fp, code, msg, headers, check(newurl))


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(http.client.HTTPConnection if _goes_through_proxy(req) else _Plain, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(http.client.HTTPSConnection if _goes_through_proxy(req) else _Secure, req)


class _Plain(http.client.HTTPConnection):
    """Looks at the address that it is really connected to, before anything is sent."""

    def connect(self) -> None:
        super().connect()
        _refuse_inside(self.sock.getpeername()[0], self.host)


class _Secure(http.client.HTTPSConnection):
    """As `_Plain`."""

    def connect(self) -> None:
        super().connect()
        _refuse_inside(self.sock.getpeername()[0], self.host)


def _goes_through_proxy(req: urllib.request.Request) -> bool:
    parts = urllib.parse.urlsplit(req.full_url)
    return _proxied(parts.scheme, parts.hostname or "")


def _proxied(scheme: str, host: str) -> bool:
    """Whether this machine reaches the host through a proxy, which then looks the name up."""
    return scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)


def _refuse_inside(address: str, host: str) -> None:
    """ValueError where an address is not of the public internet; `CELLFLOW_ALLOW_LOCAL_URLS=1` allows all."""
    if limits().local_urls:
        return
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found in _TRANSLATED:
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        else:
            found = found.ipv4_mapped or found.sixtofour or found
    if not found.is_global or found.is_multicast or any(found in each for each in _INSIDE):
        raise ValueError(
            f"{host} is a machine of the network that this app runs in, and files are fetched from the public internet "
            "only: give the path of the file, or upload it"
        )


def _refuse_by_name(host: str) -> None:
    """As `_refuse_inside`, for a host that only a proxy will look up: by what the name itself says.

    A public name that leads inside is the proxy's to refuse.
    """
    name = unicodedata.normalize("NFKC", host).rstrip(".").lower()
    if "." not in name and ":" not in name and not name.isdigit():
        _refuse_inside("127.0.0.1", host)  # `localhost`, or a machine of the local network
    if name.endswith(_LOCAL_NAMES):
        _refuse_inside("127.0.0.1", host)
    try:
        address = str(ipaddress.ip_address(name))
    except ValueError:
        try:
            address = socket.inet_ntoa(socket.inet_aton(name))  # 127.1, 0x7f.1, 2130706433: what proxies read too
        except OSError:
            return
    _refuse_inside(address, host)
