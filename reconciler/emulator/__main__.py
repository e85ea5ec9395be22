"""``python -m reconciler.emulator``: the emulator on a port, for programs that want no more of tunectl than this.

The first line of its output is its URL, the second that of Cloud Storage if that was asked for.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reconciler.emulator.flags import open_emulator
from reconciler.emulator.server import serve, serve_storage
from reconciler.emulator.world import OVER_QUOTA
from reconciler.errors import TunectlError


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal comes; 0 after one, the error's exit code if it cannot start."""
    options = vars(_parser().parse_args(arguments))
    host, port, gcs_port = options.pop("host"), options.pop("port"), options.pop("gcs_port")
    try:
        with open_emulator(**options) as emulator:
            server = serve(emulator, host, port)
            with serve_storage(emulator, host, gcs_port) as storage:
                sys.stdout.write("".join(f"{one.url}\n" for one in (server, storage) if one is not None))
                sys.stdout.flush()
                server.run()
    except TunectlError as error:
        sys.stderr.write(f"error: {error}{f' ({error.hint})' if error.hint else ''}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reconciler.emulator", description="Serve an emulator of Google's tuning APIs."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    add("--gcs-port", type=int, help="a port of Cloud Storage's own, for STORAGE_EMULATOR_HOST; 0 takes a free one")
    add("--data", type=Path, help="file the models live in; none keeps them in memory")
    add("--seed", type=Path, help="a recorded answer of tunedModels.list to start from")
    add("--train-seconds", type=float, default=20.0, help="how long a training takes (20)")
    add("--fault", action="append", default=[], dest="faults", help="e.g. status,code=503,method=POST,count=2")
    add("--listing-lag", type=float, default=0.0, help="seconds before a new model is listed")
    add("--operation-ttl", type=float, help="seconds before an operation is forgotten")
    add("--concurrent-tunings", type=int, help="trainings that may run at once")
    add("--over-quota", choices=OVER_QUOTA, default="queue", help="what becomes of a tuning job beyond that (queue)")
    add("--operation-seconds", type=float, default=0.0, help="how long an undeploy or a delete takes on Vertex AI")
    add("--undeploy-lag", type=float, default=0.0, help="seconds after an undeploy in which a delete fails")
    add("--bucket", action="append", dest="buckets", help="a bucket of Cloud Storage; without any, every name is one")
    add("--retired", action="append", default=[], help="a base model that is gone")
    add("--require-auth", action="store_true", help="refuse requests without a token or an API key")
    add("--require-quota-project", action="store_true", help="refuse tokens without x-goog-user-project")
    add("--token", action="append", default=[], dest="tokens", help="TOKEN=EMAIL: a credential and whose it is")
    add("--occupied", action="append", default=[], help="ID or ID=409: an id that somebody else holds")
    add("--record-bodies", action="store_true", help="keep request bodies in the log")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
