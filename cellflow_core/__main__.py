"""`python -m cellflow_core`: the same actions as the app, from a shell."""

import sys

from cellflow_core.cli import main

sys.exit(main())
