"""What a request passes before Streamlit sees it, and what an answer is sent with."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.parts.server import sign_in

CLOSED = ("/_stcore/metrics", "/_stcore/st-metrics", "/_stcore/agent", "/_stcore/script-health-check")
"""Inner addresses of Streamlit that answer anyone."""
OF_PEOPLE = ("/media/", "/_stcore/upload_file/")
"""Files that pages hand out and take: where people sign in, only for those who have."""
POLICY = {
    "default-src": "'self'",
    # Streamlit's first page has a script in it, and its line charts compile theirs
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' ws: wss: data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # a link that was shared holds its key
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def middleware() -> list[Middleware]:
    return [Middleware(SecurityHeaders), Middleware(ClosedPaths)]


class SecurityHeaders:
    """Browsers load nothing foreign into a page, show it in no frame, and guess no types."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class ClosedPaths:
    """Inner addresses of Streamlit are not found, and files of people are handed to nobody who has not signed in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if any(f"{each}/" in f"{path}/" for each in CLOSED):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
        elif any(each in path for each in OF_PEOPLE) and not _known(scope):
            await PlainTextResponse("Sign in first", 401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _known(scope: Scope) -> bool:
    try:
        sign_in.of_request(HTTPConnection(scope).cookies)
    except sign_in.NotSignedInError:
        return False
    return True
