"""A node that is killed at any step of its storage knows, when it is started again, all that it had answered."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boltnode.node import running_node
from boltnode.options import Options

PROGRAM = Path(__file__).with_name("crashing_node.py")
Told = list[tuple[str, Any]]


def run(jobs: list[tuple[Path, int]]) -> list[tuple[Told, int]]:
    given = json.dumps([(str(folder), at) for folder, at in jobs])
    done = subprocess.run(
        [sys.executable, PROGRAM], input=given, capture_output=True, text=True, check=True, timeout=300
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return [([(kind, value) for kind, value in result["told"]], result["exit"]) for result in results]


async def restart(folder: Path, engine: Any) -> dict[str, Any]:
    """What a node knows that is started in the folder."""
    async with running_node(Options(lightning_dir=folder, network="regtest"), engine) as services:
        invoices = await services.invoices.find()
        payments = await services.payments.find()
        assert {row.payment_hash for row in payments if row.status == "pending"} == {
            row.payment_hash for row in services.payments.pending
        }
        return {
            "node": [services.key.node_id.hex()],
            "invoice": [row.bolt11 for row in invoices],
            "settled": [row.payment_hash.hex() for row in invoices if row.paid_at is not None],
            "begun": [row.payment_hash.hex() for row in payments],
            "complete": [row.payment_hash.hex() for row in payments if row.status == "complete"],
        }


def require_known(told: Told, known: dict[str, Any]) -> None:
    for kind, value in told:
        assert kind == "steps" or value in known[kind], f"{kind} was answered and is not known"


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory, idle_engine: Callable[[], Any]) -> int:
    """How many steps the story takes when nothing kills it."""
    folder = tmp_path_factory.mktemp("whole")
    ((told, status),) = run([(folder, 0)])
    assert status == 0
    require_known(told, asyncio.run(restart(folder, idle_engine())))
    assert [kind for kind, _ in told if kind != "invoice"] == ["node", "settled", "begun", "complete", "steps"]
    count = told[-1][1]
    assert isinstance(count, int)
    return count


def test_killed_at_every_step(tmp_path: Path, steps: int, idle_engine: Callable[[], Any]) -> None:
    assert steps >= 40
    jobs = [(tmp_path / str(at), at) for at in range(1, steps + 1)]
    reached = set()
    for (folder, _), (told, status) in zip(jobs, run(jobs), strict=True):
        assert status == -signal.SIGKILL
        require_known(told, asyncio.run(restart(folder, idle_engine())))
        reached |= {kind for kind, _ in told}
    assert reached == {"node", "invoice", "settled", "begun", "complete"}
