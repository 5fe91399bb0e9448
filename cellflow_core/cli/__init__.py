"""The app from a shell, `python -m cellflow_core data|models|train|compare|runs|simulate|perturb|fates|futures|export`
and more, see `--help`.

Nothing heavy is imported before a command needs it. What goes wrong is one sentence on stderr and exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from cellflow_core.cli import (
    analyze,
    backup,
    compare,
    courses,
    export,
    fates,
    models,
    network,
    orders,
    runs,
    sweep,
    train,
    velocity,
    worker,
)
from cellflow_core.cli.datasets import commands as data
from cellflow_core.cli.datasets import gene_names, networks
from cellflow_core.jobs.error_messages import USER_FACING_ERRORS, user_message
from cellflow_core.reporting.setting_names import in_shell

GROUPS = (
    data,
    networks,
    gene_names,
    models,
    train,
    sweep,
    compare,
    runs,
    analyze,
    velocity,
    fates,
    orders,
    network,
    courses,
    export,
    backup,
    worker,
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")


def parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The whole command line. `argv` decides which settings are shown as flags: those of the model that it names."""
    made = _Parser(prog="python -m cellflow_core", description="Generative models of cell dynamics, from the shell.")
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in GROUPS:
        group.add(commands, argv)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all is well, 2 when it could not be done, 1 when a run it waited for failed."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        chosen = parser(argv).parse_args(argv)
        return chosen.do(chosen) or 0
    except BrokenPipeError:
        sys.stderr.close()  # who read the output has seen enough
        return 0
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except (*USER_FACING_ERRORS, OSError, ImportError) as error:
        print(f"{made_sentence(error)}", file=sys.stderr)
        return 2


def made_sentence(error: BaseException) -> str:
    """What went wrong, without a traceback."""
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"there is no file {error.filename}"
    return in_shell(user_message(error))
