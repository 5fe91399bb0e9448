"""Long lists of names that a box of a page looks through in the browser, which fetches each list once."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock

from cellflow_core.workspace import current

MOST = 100
"""Lists that are held; what was asked for longest ago goes first."""
_lists: OrderedDict[tuple[str, str], bytes] = OrderedDict()
_lock = Lock()


def register(names: Sequence[str], texts: Mapping[str, str]) -> str:
    """The name under which `content` has this list, for whoever registered it: a digest, so the same for the same list.

    texts: what is shown of a name, where that is more than the name
    """
    more = {each: texts[each] for each in names if each in texts} if texts else {}
    digest = hashlib.sha256("\n".join((*names, "", *more.values())).encode()).hexdigest()[:32]
    asked = current().owner, digest
    with _lock:
        if asked not in _lists:
            _lists[asked] = json.dumps({"names": names, "texts": more}, separators=(",", ":")).encode()
        _lists.move_to_end(asked)
        while len(_lists) > MOST:
            _lists.popitem(last=False)
    return digest


def content(name: str) -> bytes:
    """The list as JSON: `names`, and `texts` by name. Raises KeyError for an unknown list, and for another person's."""
    found = _lists.get((current().owner, name))
    if found is None:
        raise KeyError(f"there is no list {name!r}: load the page again")
    return found
