"""The entry point. ``--version`` is answered here, before anything else is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] in (["--version"], ["version"]):
        from reconciler._version import __version__

        print(f"tunectl {__version__}")  # noqa: T201  # the fast path has no click
        sys.exit(0)
    import gc
    import signal

    from reconciler.cli.main import run
    from reconciler.cli.stopped import terminate

    gc.set_threshold(100_000)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # whoever started us may have asked for it to be ignored
        signal.signal(signal.SIGTERM, terminate)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
