"""Payments per second of two nodes: two processes, TCP, everything durable, a real channel on the served chain.

Measured with the nodes' files in memory, where the targets are those of Core Lightning 26.06 on such a machine (27, 130
and 206 payments a second), and on the file system of the temporary folder, whose fsync rate `bench_storage` shows.
Invoices are made beforehand. Client and chain take their share of the cores, too.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from boltchain.server.process import ServerProcess

Bench = tuple[str, Callable[[], object], int, str, float | None]

MEMORY = Path("/dev/shm")  # where Linux keeps files in memory
CAPACITY_SAT, PUSHED_MSAT = 16_000_000, 1_000_000_000
AMOUNT_MSAT = 1_000
PATIENCE_SECONDS = 120
SOCKET = "regtest/lightning-rpc"
MOST_ANSWER_BYTES = 1 << 24


async def ask(socket: Path, *requests: tuple[str, dict[str, Any]]) -> list[Any]:
    """The results of commands, one after the other on one connection."""
    reader, writer = await asyncio.open_unix_connection(socket, limit=MOST_ANSWER_BYTES)
    results = []
    for method, params in requests:
        writer.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())
        answer = json.loads(await reader.readuntil(b"\n\n"))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        results.append(answer["result"])
    writer.close()
    await writer.wait_closed()
    return results


class Pair:
    """Two nodes with a channel, in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chain = ServerProcess(folder / "chain", durable=False)
        self.processes = [self._start(name) for name in ("alice", "bob")]
        self.alice, self.bob = (folder / name / SOCKET for name in ("alice", "bob"))
        self.made = 0
        self.invoices: Iterator[str] = iter(())
        atexit.register(self.close)
        asyncio.run(self._open())

    def _start(self, name: str) -> subprocess.Popen[str]:
        assert self.chain.endpoint.cookie is not None
        command = [sys.executable, "-m", "boltnode.cli", "daemon", "--lightning-dir", str(self.folder / name)]
        command += ["--addr", "127.0.0.1:0", "--force-feerate", "1000", "--log-level", "error"]
        command += ["--bitcoin-rpcport", str(self.chain.endpoint.port)]
        command += ["--bitcoin-datadir", str(self.chain.endpoint.cookie.parent.parent)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    async def _open(self) -> None:
        address = (await ask(self.alice, ("newaddr", {"addresstype": "bech32"})))[0]["bech32"]
        rpc = self.chain.connect()
        rpc.call("generatetoaddress", 101, address)
        await self._until(self.alice, "listfunds", "outputs", "status", "confirmed")
        (info,) = await ask(self.bob, ("getinfo", {}))
        at = info["binding"][0]
        wanted = {"id": info["id"], "amount": CAPACITY_SAT, "push_msat": PUSHED_MSAT}
        to_bob = {"id": info["id"], "host": at["address"], "port": at["port"]}
        await ask(self.alice, ("connect", to_bob), ("fundchannel", wanted))
        rpc.call("generatetoaddress", 1, address)
        rpc.close()
        for node in (self.alice, self.bob):
            await self._until(node, "listpeerchannels", "channels", "state", "CHANNELD_NORMAL")

    async def _until(self, node: Path, method: str, rows: str, field: str, value: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not any(row[field] == value for row in (await ask(node, (method, {})))[0][rows]):
            if time.monotonic() > end:
                raise RuntimeError(f"{method} does not show {value}")
            await asyncio.sleep(0.05)

    async def prepare(self, count: int) -> None:
        """Have so many invoices made."""
        first, self.made = self.made, self.made + count
        wanted = [
            ("invoice", {"amount_msat": AMOUNT_MSAT, "label": str(number), "description": ""})
            for number in range(first, self.made)
        ]
        self.invoices = iter([row["bolt11"] for row in await ask(self.bob, *wanted)])

    async def pay(self, count: int, in_flight: int) -> None:
        """Pay so many invoices, so many at a time."""

        async def lane(size: int) -> None:
            await ask(self.alice, *(("pay", {"bolt11": next(self.invoices)}) for _ in range(size)))

        await asyncio.gather(*(lane(count // in_flight) for _ in range(in_flight)))

    def close(self) -> None:
        atexit.unregister(self.close)
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.communicate()
        self.chain.close()


@cache
def pair(where: Path) -> Pair:
    """Two nodes on that file system, until the program ends."""
    folder = tempfile.TemporaryDirectory(prefix="bench-load-", dir=where)
    atexit.register(folder.cleanup)  # after the nodes are closed
    return Pair(Path(folder.name))


RUNS = 8
"""For so many calls invoices are made at a time; a median takes six."""


def payments(where: Path, count: int, in_flight: int) -> Callable[[], None]:
    def run() -> None:
        nodes = pair(where)
        if left.get("calls", 0) == 0:
            asyncio.run(nodes.prepare(RUNS * count))
            left["calls"] = RUNS
        left["calls"] -= 1
        asyncio.run(nodes.pay(count, in_flight))

    left: dict[str, int] = {}
    return run


DISK = Path(tempfile.gettempdir())
BENCHES: list[Bench] = [
    (f"two nodes, files {where}, {name}", payments(folder, count, lanes), count, "payments", target)
    for folder, where, wanted in (
        *(((MEMORY, "in memory", (40, 150, 220)),) if MEMORY.is_dir() else ()),
        (DISK, "on disk", (None, None, None)),
    )
    for name, count, lanes, target in (
        ("one payment after the other", 40, 1, wanted[0]),
        ("10 payments in flight", 200, 10, wanted[1]),
        ("50 payments in flight", 300, 50, wanted[2]),
    )
]
"""What is measured, how many units one call does, and what is wanted."""
