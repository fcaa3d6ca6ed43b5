"""A whole node that is killed at a chosen step of its storage while a client asks it for things.

Run by test_crashing_node.py. Standard input: a JSON list of ``[folder, point]``. For each one a child process starts a
node in that folder and asks it over its socket, one thing after the other; when the storage gets to its ``point``-th
step, the process is killed. A line of JSON comes out per child: what was answered before, and how it ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from idle_engine import idle_engine  # type: ignore[import-not-found]

from boltnode.node import running_node
from boltnode.options import Options
from boltnode.payments import NewPayment
from boltnode.services import Services
from boltnode.storage.unit_of_work import UnitOfWork

INVOICES = 3
PREIMAGE = b"\5" * 32


class Killer:
    """Counts the steps, and kills at one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def __call__(self, _: str) -> None:
        self.seen += 1
        if self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def tell(kind: str, value: object) -> None:
    """Say what was answered, at once."""
    os.write(1, json.dumps([kind, value]).encode() + b"\n")


async def ask(services: Services, method: str, *params: object) -> dict[str, Any]:
    """The result of a command."""
    reader, writer = await asyncio.open_unix_connection(services.options.rpc_path)
    writer.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())
    answer = json.loads(await reader.readuntil(b"\n\n"))
    writer.close()
    found: dict[str, Any] = answer["result"]
    return found


async def story(folder: Path, killer: Killer) -> None:
    """Invoices one after the other and at once, one of them paid; a payment that is made."""
    options = Options(lightning_dir=folder, network="regtest")
    async with running_node(options, idle_engine(), observe=killer) as services:
        tell("node", services.key.node_id.hex())
        for number in range(INVOICES):
            tell("invoice", (await ask(services, "invoice", 1, f"alone {number}", ""))["bolt11"])
        made = await asyncio.gather(*(ask(services, "invoice", 1, f"together {n}", "") for n in range(INVOICES)))
        for row in made:
            tell("invoice", row["bolt11"])
        await settle(services, bytes.fromhex(made[0]["payment_hash"]))
        await pay(services)
    tell("steps", killer.seen)


async def settle(services: Services, payment_hash: bytes) -> None:
    """An invoice is paid, as an engine would note it."""
    work = UnitOfWork()
    services.invoices.settle(work, payment_hash, 1)
    work.after(lambda: tell("settled", payment_hash.hex()))
    await services.commits.submit(work)


async def pay(services: Services) -> None:
    """A payment begins and completes, as an engine would note it."""
    payment_hash = hashlib.sha256(PREIMAGE).digest()
    wanted = NewPayment(payment_hash=payment_hash, destination=b"\2" * 33, amount_msat=1, bolt11="x")
    await services.payments.begin(wanted)
    tell("begun", payment_hash.hex())
    work = UnitOfWork()
    services.payments.complete(work, PREIMAGE, 1)
    work.after(lambda: tell("complete", payment_hash.hex()))
    await services.commits.submit(work)


def main() -> None:
    """Run the children one after the other."""
    for folder, at in json.load(sys.stdin):
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(write_end, 1)
            os.close(read_end)
            asyncio.run(story(Path(folder), Killer(at)))
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            told = [json.loads(line) for line in pipe]
        print(json.dumps({"told": told, "exit": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}))


if __name__ == "__main__":
    main()
