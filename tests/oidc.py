"""A small OpenID Connect provider, run as a process of its own: `python -m tests.oidc PORT REDIRECT_URI`.

It has the authorization code flow with PKCE (S256), a client secret and RS256 tokens, as OpenID Connect Core 1.0 asks.
Whoever names a user in its form is signed in as that user: it is for tests only.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "cellflow", "a secret of the client"
USERS = {
    each: {"sub": f"id-of-{each}", "name": each.title(), "email": f"{each}@lab.org"} for each in ("ann", "bob", "cy")
}


class Provider:
    """What it has handed out: codes for (user, nonce, challenge of PKCE), each used once."""

    def __init__(self, address: str, redirect_uri: str) -> None:
        self.address, self.redirect_uri = address, redirect_uri
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}, private=True)
        self.codes: dict[str, tuple[str, str, str]] = {}

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def code(self, asked: dict[str, str]) -> str:
        """A code for the user that the form names. Raises ValueError where the request is not one of this client."""
        right = (asked.get("client_id"), asked.get("redirect_uri"), asked.get("response_type"))
        if right != (CLIENT, self.redirect_uri, "code") or "openid" not in asked.get("scope", "").split():
            raise ValueError("invalid_request")
        if asked.get("code_challenge_method") != "S256" or asked.get("user") not in USERS:
            raise ValueError("access_denied")
        code = secrets.token_urlsafe(16)
        self.codes[code] = (asked["user"], asked.get("nonce", ""), asked["code_challenge"])
        return code

    def token(self, asked: dict[str, str], client: tuple[str, str]) -> dict[str, Any]:
        """The tokens for a code. Raises ValueError where anything of it is another than was handed out."""
        user, nonce, challenge = self.codes.pop(asked.get("code", ""), ("", "", ""))
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        if not user or not proven or client != (CLIENT, SECRET) or asked.get("redirect_uri") != self.redirect_uri:
            raise ValueError("invalid_grant")
        now = int(time.time())
        claims = USERS[user] | {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 600, "nonce": nonce}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims | {"email_verified": True}, self.key)
        return {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 600,
            "id_token": signed,
        }


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        path, asked = urlsplit(self.path).path, self._values(urlsplit(self.path).query)
        if path == "/.well-known/openid-configuration":
            self._json(self.provider.metadata())
        elif path == "/jwks":
            self._json({"keys": [self.provider.key.as_dict(private=False)]})
        elif path == "/authorize" and "user" in asked:
            try:
                back = {"code": self.provider.code(asked), "state": asked.get("state", "")}
            except ValueError as error:
                back = {"error": str(error), "state": asked.get("state", "")}
            self.send_response(302)
            self.send_header("Location", f"{self.provider.redirect_uri}?{urlencode(back)}")
            self.end_headers()
        elif path == "/authorize":
            links = (f'<a id="{user}" href="{html.escape(self.path)}&amp;user={user}">{user}</a>' for user in USERS)
            self._send(f"<title>Who are you?</title>{' '.join(links)}".encode(), "text/html")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        asked = self._values(self.rfile.read(int(self.headers["Content-Length"])).decode())
        given = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        name, _, secret = given.partition(":")
        try:
            self._json(self.provider.token(asked, (name, secret.replace("+", " ").replace("%20", " "))))
        except ValueError as error:
            self._json({"error": str(error)}, 400)

    @staticmethod
    def _values(query: str) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(query).items()}

    def _json(self, value: dict[str, Any], status: int = 200) -> None:
        self._send(json.dumps(value).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


def main(port: int, redirect_uri: str) -> None:
    provider = Provider(f"http://127.0.0.1:{port}", redirect_uri)
    ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"provider": provider})).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
