"""Many payments between two nodes in processes of their own: how fast, how long each takes, how much memory they need.

    python tests/bench/endurance.py --payments 10000 --in-flight 50 --folder /dev/shm

The nodes write what they must have durably to the folder; the line about it says what one such write costs there. At
the end the books of both nodes are compared: every payment that the payer calls complete is an invoice that is paid,
and the balances have moved by just their sum. Anything else is an error, and exit code 1.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import click

sys.path.insert(0, str(Path(__file__).parent))

from bench_node_load import AMOUNT_MSAT, Pair, ask  # type: ignore[import-not-found]

PORTION = 1_000
"""So many payments make a line."""
SYNCS = 200


@dataclass
class Portion:
    """What became of some payments."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def line(self) -> str:
        """For people."""
        middle, slow = 1000 * median(self.latencies), 1000 * quantiles(self.latencies, n=20)[-1]
        return f"{len(self.latencies) / self.seconds:6.1f}/s, median {middle:5.1f} ms, 95 of 100 within {slow:5.1f} ms"


async def pay(nodes: Pair, count: int, in_flight: int) -> Portion:
    """Pay so many invoices, each lane one after the other; how long each call took."""
    await nodes.prepare(count)
    portion = Portion()

    async def lane() -> None:
        for bolt11 in nodes.invoices:
            began = time.monotonic()
            (result,) = await ask(nodes.alice, ("pay", {"bolt11": bolt11}))
            portion.latencies.append(time.monotonic() - began)
            if result["status"] != "complete":
                raise click.ClickException(f"a payment ended as {result['status']}: {bolt11}")

    began = time.monotonic()
    await asyncio.gather(*(lane() for _ in range(in_flight)))
    portion.seconds = time.monotonic() - began
    return portion


def memory_mib(pid: int) -> float:
    """What a process has in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def syncs_per_second(folder: Path) -> float:
    """How many pages, one after the other, the file system makes durable."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        began = time.monotonic()
        for number in range(SYNCS):
            os.pwrite(file.fileno(), bytes(4096), 4096 * number)
            os.fdatasync(file.fileno())
        return SYNCS / (time.monotonic() - began)


async def at_rest(nodes: Pair) -> None:
    """Wait until no HTLC is left: a payment is complete before the last one is revoked."""
    for node in (nodes.alice, nodes.bob):
        while (await ask(node, ("listpeerchannels", {})))[0]["channels"][0]["htlcs"]:
            await asyncio.sleep(0.05)


async def balances_msat(nodes: Pair) -> tuple[int, ...]:
    """What the payer and the payee have in the channel, each by its own books."""
    found = [(await ask(node, ("listpeerchannels", {})))[0] for node in (nodes.alice, nodes.bob)]
    return tuple(int(one["channels"][0]["to_us_msat"]) for one in found)


async def differences(nodes: Pair, before: tuple[int, ...]) -> list[str]:
    """Return what the books of the nodes say that cannot be."""
    await at_rest(nodes)
    (payments,), (invoices,) = await ask(nodes.alice, ("listpays", {})), await ask(nodes.bob, ("listinvoices", {}))
    payer, payee = (after - earlier for after, earlier in zip(await balances_msat(nodes), before, strict=True))
    total = nodes.made * AMOUNT_MSAT
    found = {
        "payments complete": (sum(row["status"] == "complete" for row in payments["pays"]), nodes.made),
        "invoices paid": (sum(row["status"] == "paid" for row in invoices["invoices"]), nodes.made),
        "the payer's balance has changed by": (payer, -total),
        "the payee's balance has changed by": (payee, total),
    }
    return [f"{what}: {got} instead of {wanted}" for what, (got, wanted) in found.items() if got != wanted]


@click.command()
@click.option(
    "--payments", type=click.IntRange(min=PORTION), default=10_000, show_default=True, help="How many; by thousands.",
)  # fmt: skip
@click.option("--in-flight", type=click.IntRange(1, 400), default=50, show_default=True, help="How many at a time.")
@click.option(
    "--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(tempfile.gettempdir()),
    show_default=True, help="Where the nodes keep their files.",
)  # fmt: skip
def main(payments: int, in_flight: int, folder: Path) -> None:
    """Let one node pay another many times."""
    click.echo(f"{folder}: {syncs_per_second(folder):,.0f} durable writes of a page per second, one after the other")
    with tempfile.TemporaryDirectory(prefix="endurance-", dir=folder) as home:
        nodes = Pair(Path(home))
        before = asyncio.run(balances_msat(nodes))
        latencies, seconds = list[float](), 0.0
        for number in range(payments // PORTION):
            portion = asyncio.run(pay(nodes, PORTION, in_flight))
            latencies, seconds = latencies + portion.latencies, seconds + portion.seconds
            sizes = " and ".join(f"{memory_mib(process.pid):.0f}" for process in nodes.processes)
            click.echo(f"{(number + 1) * PORTION:6,} payments, {in_flight} in flight: {portion.line}; {sizes} MiB")
        wrong = asyncio.run(differences(nodes, before))
        nodes.close()
    click.echo(f"all: {Portion(seconds, latencies).line}")
    for line in wrong:
        click.echo(line, err=True)
    click.echo("payments, invoices and balances agree" if not wrong else "LOST", err=bool(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
