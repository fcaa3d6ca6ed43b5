"""The command `boltchain serve`: settings, cookie file, signals."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from boltchain.rpc import LOOPBACK
from boltchain.server.blocklog import DamagedLog
from boltchain.server.http import RpcServer
from boltchain.server.node import DirectoryInUse, RegtestNode, open_node
from boltchain.server.policy import CONSENSUS_ONLY, Policy

DEFAULT_PORT = 18443
"""Bitcoin Core's RPC port on regtest."""

DEFAULT_DATADIR = Path("~/.boltchain")
"""Where a chain lives unless told otherwise."""

NETWORK = "regtest"
"""The folder of the chain inside the data directory, as with Bitcoin Core, and the only network there is."""

COOKIE_USER = "__cookie__"
"""The user name in cookie files, as with Bitcoin Core."""

READY = "boltchain is ready: "
"""What a line on standard output begins with when calls are answered; the settings follow as JSON."""

_USAGE_ERROR = 2
_CANNOT_SERVE = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """What `boltchain serve` was asked to do."""

    datadir: Path
    port: int
    permissive: bool
    durable: bool
    until_stdin_closes: bool = False

    @property
    def folder(self) -> Path:
        """Where the chain's files are."""
        return self.datadir / NETWORK

    @property
    def cookie(self) -> Path:
        """Where the credentials are while the server runs."""
        return self.folder / ".cookie"

    @property
    def policy(self) -> Policy:
        """What the mempool demands."""
        return CONSENSUS_ONLY if self.permissive else Policy()

    def as_json(self, port: int | None = None) -> str:
        """The settings for programs and people."""
        shown = {
            "network": NETWORK,
            "host": LOOPBACK,
            "port": self.port if port is None else port,
            "datadir": str(self.datadir),
            "cookie": str(self.cookie),
            "permissive": self.permissive,
            "durable": self.durable,
        }
        return json.dumps(shown)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="boltchain", description="Private Bitcoin chains for experiments and tests.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="offer a regtest chain to other programs, as bitcoind does",
        description="Offer a regtest chain over the RPC interface of bitcoind. No bitcoind is needed.",
    )
    serve.add_argument("--datadir", type=Path, default=DEFAULT_DATADIR, help="where the chain lives (%(default)s)")
    serve.add_argument("--port", type=int, default=DEFAULT_PORT, help="RPC port, 0 for any that is free (%(default)s)")
    serve.add_argument("--host", default=LOOPBACK, help="only the loopback interface is possible (%(default)s)")
    serve.add_argument("--network", default=NETWORK, help="only regtest is possible (%(default)s)")
    serve.add_argument(
        "--permissive", action="store_true", help="let everything wait that consensus allows, also what pays nothing"
    )
    serve.add_argument(
        "--no-fsync", action="store_true", help="do not wait for the disk: safe against kill -9, not against power loss"
    )
    serve.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="stop when standard input ends, that is with the parent process",
    )
    serve.add_argument("--print-config", action="store_true", help="print the settings as JSON and do nothing")
    return top


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Check the command line. ValueError that says what is impossible and why."""
    if arguments.network != NETWORK:
        msg = (
            f"--network {arguments.network}: only regtest can be served. This program makes blocks by itself and knows "
            "no peers; on any other network it could only pretend."
        )
        raise ValueError(msg)
    if not _is_served_host(arguments.host):
        msg = (
            f"--host {arguments.host}: only {LOOPBACK} can be served. Whoever reaches the port and holds the cookie "
            "decides what the chain is, and nothing is encrypted."
        )
        raise ValueError(msg)
    if not 0 <= arguments.port <= 65535:
        msg = f"--port {arguments.port}: a port is between 0 and 65535"
        raise ValueError(msg)
    return Settings(
        arguments.datadir.expanduser().absolute(),
        arguments.port,
        arguments.permissive,
        not arguments.no_fsync,
        arguments.until_stdin_closes,
    )


def _is_served_host(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host) == ipaddress.ip_address(LOOPBACK)
    except ValueError:
        return False


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 after a clean stop, 1 if the chain cannot be served, 2 for wrong use."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    arguments = parser().parse_args(argv)
    try:
        settings = settings_of(arguments)
    except ValueError as wrong:
        print(f"boltchain: {wrong}", file=sys.stderr)
        return _USAGE_ERROR
    if arguments.print_config:
        print(settings.as_json())
        return 0
    try:
        with open_node(settings.folder, settings.policy, durable=settings.durable) as node:
            asyncio.run(serve(node, settings))
    except (DirectoryInUse, DamagedLog, OSError) as failure:
        print(f"boltchain: {failure}", file=sys.stderr)
        return _CANNOT_SERVE
    return 0


async def serve(node: RegtestNode, settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or the RPC method `stop`. OSError if the port is taken."""
    credentials = f"{COOKIE_USER}:{secrets.token_hex(32)}"
    server = RpcServer(node, credentials)
    port = await server.start(settings.port)
    write_cookie(settings.cookie, credentials)
    loop = asyncio.get_running_loop()

    def stop(_number: int, _frame: object) -> None:
        # Stays in place when the loop is closed: a second signal must not interrupt the writing of the chain.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(server.stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if settings.until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end_of_input, server)
    try:
        print(READY + settings.as_json(port), flush=True)
        await server.stopped()
        await asyncio.sleep(0)  # the answer to `stop` goes out first
    finally:
        settings.cookie.unlink(missing_ok=True)
        await server.close()


def _stop_at_end_of_input(server: RpcServer) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        server.stop()


def write_cookie(path: Path, credentials: str) -> None:
    """Leave credentials where only this user can read them, whole or not at all."""
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(credentials)
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main())
