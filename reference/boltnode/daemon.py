"""The node as a process: it runs until it is told to stop by the command ``stop``, SIGTERM or SIGINT.

It stops by itself if it cannot go on: a process that is there and meets no deadlines would be worse than none.
"""

import asyncio
import signal
import sys
from contextlib import AbstractContextManager
from typing import Final

from boltnode.engine import Engine
from boltnode.node import running_node
from boltnode.options import Options
from boltnode.storage.errors import StorageError
from boltnode.structured_log import start_log

STOPPED, CANNOT_START, GAVE_UP = 0, 1, 4
"""Exit statuses."""
SWITCH_SECONDS: Final = 0.001
"""How long the event loop may keep the thread waiting that has made something durable; Python's default is 5 ms."""


def run_daemon(options: Options, engine: AbstractContextManager[Engine]) -> int:
    """Run a node until it is stopped; the exit status. Says on standard output when it is ready.

    The context of the engine is entered with the node's folder locked, and left before that is given up.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log_file = (options.folder / options.log_file) if options.log_file else None
        handler = start_log(options.log_level, log_file)
    except OSError as error:
        print(f"boltnode: {error}", file=sys.stderr)
        return CANNOT_START
    try:
        failure = asyncio.run(_run(options, engine))
    except (StorageError, OSError) as error:
        print(f"boltnode: {error}", file=sys.stderr)
        return CANNOT_START
    finally:
        handler.close()
    if failure is not None:
        print(f"boltnode: {failure}", file=sys.stderr)
        return GAVE_UP
    return STOPPED


async def _run(options: Options, engine: AbstractContextManager[Engine]) -> str | None:
    """Why the node could not go on; None if it was told to stop."""
    async with running_node(options, engine) as services:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, services.stopping.set)
        print(f"boltnode {services.key.node_id.hex()} is ready: {options.rpc_path}", flush=True)
        await services.stopping.wait()
    return services.stopping.failure
