"""The people who have signed in, and the links that each of them was given: a folder a person below `people`."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from cellflow_core import atomic_write

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")


@dataclass(frozen=True)
class Person:
    """Somebody who signed in. name: what others read; seen: seconds since 1970, of the last sign-in."""

    id: str
    name: str
    seen: float = 0.0


def id_of(issuer: str, subject: str) -> str:
    """The id of whom an OIDC provider names: of its two claims `iss` and `sub`, which never pass to another person."""
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:20]


def checked_id(id: str) -> str:
    """The id itself. Raises ValueError where it could not name a folder."""
    if not _ID.fullmatch(id):
        raise ValueError(f"CELLFLOW_OWNER is {id!r}; expected is the id of a person, as the Server page lists it")
    return id


def remember(root: Path, person: Person) -> None:
    """Keep the name of a person under their id."""
    folder = _folder(root, person.id)
    atomic_write.write_text(folder / "person.json", json.dumps({"name": person.name}, indent=1))


def known(root: Path) -> dict[str, Person]:
    """Everyone who has signed in, by id."""
    found = {}
    for path in sorted((root / "people").glob("*/person.json")):
        try:
            name = str(json.loads(path.read_text(encoding="utf-8"))["name"])
        except (ValueError, KeyError, TypeError):
            name = path.parent.name
        found[path.parent.name] = Person(path.parent.name, name, path.stat().st_mtime)
    return found


def seen(root: Path, id: str) -> float:
    """When a person was last remembered, in seconds since 1970; 0 for never."""
    try:
        return (root / "people" / id / "person.json").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def name_of(root: Path, id: str) -> str:
    """What others read of a person: the id itself where no name is known."""
    people = known(root)
    return people[id].name if id in people else id


def hold(root: Path, id: str, item: str, key: str) -> None:
    """A person was given a link to an item (the id of a data set or run) with this key."""
    links = _folder(root, id) / "links"
    links.mkdir(exist_ok=True)
    atomic_write.write_text(links / item, key)


def held(root: Path, id: str, item: str) -> str:
    """The key of the newest link to an item that a person was given; "" for none."""
    try:
        return (root / "people" / id / "links" / item).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _folder(root: Path, id: str) -> Path:
    folder = root / "people" / checked_id(id)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
