"""`python -m maml_explorer`, and the command `maml-explorer`.

Nothing heavy is imported here: Ctrl+C is taken care of before anything else is loaded.
"""

import signal
import sys


def main() -> int:
    """Runs the program; Ctrl+C while it loads ends it at once, without a traceback."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from maml_explorer import cli

    if not ours:  # `nohup` and the like: it stays ignored
        return cli.main()
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return cli.main()
    except KeyboardInterrupt:  # before the command line was read, or after its work was done
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
