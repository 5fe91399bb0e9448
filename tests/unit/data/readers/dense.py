"""How the tests of readers look at values."""

from __future__ import annotations

import numpy as np

from tests import formats

X = formats.counts().toarray()


def dense(x) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.toarray()
