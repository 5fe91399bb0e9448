"""Whose a data set, a run or a waiting file is, and who else may open it: a file `access.json` in its folder.

A folder without that file belongs to nobody: it was made where nobody signs in, or before people did.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from cellflow_core import atomic_write

Right = Literal["", "read", "copy", "own"]
"""Nothing; look at it; also train on it, derive from it and take it elsewhere; also rename, share and delete it."""
ORDER: tuple[Right, ...] = ("", "read", "copy", "own")
FILE = "access.json"
CLOSED = "?"
"""The owner of a folder whose `access.json` cannot be read: nobody."""


class NotAllowedError(ValueError):
    """A person may not do this with what belongs to another; the sentence says what is needed."""


@dataclass(frozen=True)
class Access:
    """Who may open one folder.

    owner     id of a person, "" for nobody
    everyone  what each signed-in person may do with it
    by_link   what whoever was given `key` in a link may do with it
    """

    owner: str = ""
    everyone: Right = ""
    by_link: Right = ""
    key: str = ""

    @classmethod
    def read(cls, folder: Path) -> Access:
        """As stored in a folder. One that cannot be read is closed to all people.

        A file is read once as long as it stays the same one: lists ask about thousands. `write` makes another file.
        """
        path = folder / FILE
        try:
            now = path.stat()
            return _read(path, now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        except FileNotFoundError:
            return cls()
        except NotADirectoryError:
            return cls(owner=CLOSED)

    def write(self, folder: Path) -> None:
        """Store it in a folder, in place of what was there."""
        atomic_write.write_text(folder / FILE, json.dumps(asdict(self), indent=1))

    def right(self, person: str, held: str = "", admin: bool = False) -> Right:
        """What a person may do who was given the key `held`. What belongs to nobody is everyone's to copy."""
        if not self.owner:
            return "own" if admin else "copy"
        if self.owner == person:
            return "own"
        same = hmac.compare_digest(self.key.encode(), held.encode(errors="replace"))  # text of an address, any letters
        by_link: Right = self.by_link if self.key and same else ""
        return self.everyone if covers(self.everyone, by_link) else by_link


@lru_cache(maxsize=50_000)
def _read(path: Path, *_which: int) -> Access:
    try:
        made = Access(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return Access(owner=CLOSED)
    well_formed = all(isinstance(each, str) for each in asdict(made).values())
    return made if well_formed and {made.everyone, made.by_link} <= set(ORDER) else Access(owner=CLOSED)


def new_key() -> str:
    """A key for a link, which nobody can guess."""
    return secrets.token_urlsafe(16)


def covers(found: Right, wanted: Right) -> bool:
    """Whether one right includes another."""
    return ORDER.index(found) >= ORDER.index(wanted)
