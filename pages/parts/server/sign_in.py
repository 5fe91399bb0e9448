"""Who asks: the person who has signed in with an OIDC provider, or nobody in particular where no provider is set.

Streamlit checks the sign-in (`st.login`, `st.user`) for its pages. The other addresses of this server are asked with
the cookie of that sign-in, which is known here once a page was shown with it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.errors import StreamlitSecretNotFoundError

from cellflow_core.reporting.formatting import plain
from cellflow_core.workspace import Workspace, acting, open_door, people

COOKIE = "_streamlit_user"
MOST = 10_000
"""Sign-ins that are remembered; the oldest goes first, and is known again once it opens a page."""
VISIT = 3600.0
"""Seconds between two visits that the audit log tells apart: a tab or an F5 is no new sign-in."""
SECRETS = {
    "client_id": "CELLFLOW_LOGIN_CLIENT_ID",
    "client_secret": "CELLFLOW_LOGIN_CLIENT_SECRET",
    "server_metadata_url": "CELLFLOW_LOGIN_METADATA_URL",
    "redirect_uri": "CELLFLOW_LOGIN_REDIRECT_URI",
    "cookie_secret": "CELLFLOW_LOGIN_COOKIE_SECRET",
}
"""What `st.login` needs -> variable of the environment; a file `.streamlit/secrets.toml` may hold it instead."""
_signed_in: dict[str, Workspace] = {}
_lock = threading.Lock()


class NotSignedInError(ValueError):
    """Nobody has signed in, and this server opens nothing to nobody."""


def secrets(environment: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """Secrets of the sign-in from the environment, as `st.App` takes them; None where none is set.

    Raises ValueError, with a sentence, where some are missing.
    """
    found = {name: environment.get(variable, "") for name, variable in SECRETS.items()}
    if not any(found.values()):
        return None
    if missing := [SECRETS[name] for name, value in found.items() if not value]:
        raise ValueError(f"people are to sign in, and {', '.join(missing)} is missing: set all of {len(SECRETS)}")
    return {"auth": found}


def required() -> bool:
    """Whether people sign in here. Raises NotSignedInError where a file of secrets cannot be read, which may say so."""
    try:
        return "auth" in st.secrets.to_dict()
    except StreamlitSecretNotFoundError as error:
        if error.error_id == "no-secrets-found":
            return False
        raise NotSignedInError(
            "the secrets of this server cannot be read, and may say that people sign in: nothing opens until whoever "
            "looks after it has mended them; its log says what is wrong"
        ) from error


def workspace() -> Workspace:
    """The workspace for whom the script that runs was asked; the door of this server. Raises NotSignedInError."""
    found = Workspace.from_environment()
    return _of(st.user.to_dict(), found.unrestricted) if required() else found


def enter() -> None:
    """Let a signed-in person in, offer the sign-in to others, and end the page for them. Called first in every run."""
    open_door(workspace)
    if not required():
        return
    claims = st.user.to_dict()
    if not claims.get("is_logged_in"):
        _offer()
        st.stop()
    found = workspace()
    if st.session_state.get("signed_in") != found.owner:
        st.session_state.clear()
        st.session_state["signed_in"] = found.owner
        if time.time() - people.seen(found.root, found.owner) > VISIT:
            found.record("signed in")
        people.remember(found.root, people.Person(found.owner, _name(claims)))
    with _lock:
        if fingerprint := _fingerprint(st.context.cookies):
            _signed_in[fingerprint] = found
        while len(_signed_in) > MOST:
            _signed_in.pop(next(iter(_signed_in)))


def is_admin() -> bool:
    """Whether the person who has signed in looks after this server; nobody does where nobody signs in."""
    return required() and workspace().admin


def show() -> None:
    """Who is signed in, and the way out; nothing where nobody signs in."""
    if not required():
        return
    st.caption(f":material/person: {plain(_name(st.user.to_dict()))}")
    if st.button("Sign out", key="sign_out", icon=":material/logout:", type="tertiary"):
        workspace().record("signed out")
        with _lock:
            _signed_in.pop(_fingerprint(st.context.cookies), None)
        st.logout()


def of_request(cookies: Mapping[str, str]) -> Workspace:
    """The workspace for whoever sends these cookies. Raises NotSignedInError."""
    if not required():
        return Workspace.from_environment()
    fingerprint = _fingerprint(cookies)
    with _lock:
        found = _signed_in.get(fingerprint) if fingerprint else None
    if found is None:
        raise NotSignedInError("sign in first: open any page of this app")
    return found


class AsVisitor:
    """Answers a request for whoever has signed in, and no other."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            found = of_request(HTTPConnection(scope).cookies)
        except NotSignedInError as error:
            refused = JSONResponse({"error": str(error)}, 401, {"Cache-Control": "no-store"})
            await refused(scope, receive, send)
            return
        with acting(found):
            await self.app(scope, receive, send)


def _of(claims: Mapping[str, Any], found: Workspace) -> Workspace:
    """For whom these claims of an OIDC provider are. Raises NotSignedInError where they name nobody."""
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not claims.get("is_logged_in") or not issuer or not subject:
        raise NotSignedInError("sign in first: nothing here opens to nobody")
    id = people.id_of(str(issuer), str(subject))
    names = {id} | ({str(claims["email"])} if claims.get("email") and claims.get("email_verified") is True else set())
    admins = {each.strip() for each in os.environ.get("CELLFLOW_ADMINS", "").split(",") if each.strip()}
    return replace(found, owner=id, admin=bool(names & admins))


def _name(claims: Mapping[str, Any]) -> str:
    """What others read of a person."""
    found = next((str(claims[each]) for each in ("name", "email", "sub") if claims.get(each)), "")
    return " ".join(found.split())[:80]


def _fingerprint(cookies: Mapping[str, str]) -> str:
    """Of the sign-in that these cookies carry, in several parts where it is long. "" where they carry none."""
    parts = sorted((name, value) for name, value in dict(cookies).items() if _is_part(name))
    return hashlib.sha256(repr(parts).encode()).hexdigest() if parts else ""


def _is_part(name: str) -> bool:
    return name == COOKIE or name.removeprefix(f"{COOKIE}_").isdigit()


def _offer() -> None:
    """The page of those who have not signed in."""
    st.title("CellFlow Explorer")
    st.markdown("Data sets and trained models on this server belong to people. Sign in to see yours.")
    if "share" in st.query_params:
        st.info("You were sent a link: sign in, then open it once more.", icon=":material/link:")
    if importlib.util.find_spec("authlib") is None:
        st.error("Nobody can sign in yet: the package Authlib is missing here; `make login` installs it.")
        return
    named = [name for name, each in st.secrets["auth"].items() if isinstance(each, Mapping) and "client_id" in each]
    for provider in named or [None]:
        label = f"Sign in with {plain(provider)}" if provider else "Sign in"
        if st.button(label, key=f"sign_in_{provider}", type="primary", icon=":material/login:"):
            st.login(provider) if provider else st.login()
