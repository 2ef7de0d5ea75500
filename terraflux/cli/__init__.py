"""The command `terraflux`: one file per verb, each loading what it needs when it is called."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line (`sys.argv` by default) and leave with its exit code.

    0 is success, 1 a check that failed, 2 an error of input or use, told in one paragraph on stderr, 130 an interrupt.
    """
    from terraflux.cli.errors import run

    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))
