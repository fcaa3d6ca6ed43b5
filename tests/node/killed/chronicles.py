"""What two real nodes live through, written so that it goes on whenever one of them is killed. Loaded by conftest.py.

Each story ends with the same sums, on both sides and on the chain, whoever died and where.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from killable import Died, Kill, Node, Pair, RpcFailed  # type: ignore[import-not-found]

from boltchain.addresses import script_of
from boltchain.transaction import Input, parse_transaction
from boltnode.keys import NodeKey
from boltnode.options import DATABASE_NAME
from boltnode.storage import node_row
from boltnode.storage.database import Database
from boltnode.storage.latch import SigningLatch
from boltspec.commitment import View, feerate
from boltspec.lifetime.state import End
from boltwire.bolt11 import decode

CAPACITY_SAT, PUSHED_SAT, PURSE_SAT = 1_000_000, 400_000, 3_000_000
LOST_PREIMAGE = b"a preimage that Bob never wrote."
DEAREST_CLAIMS_SAT = 15_000
"""What all transactions that a node needs for its part on chain cost at most, at the feerate of the stories."""
DELAY_BLOCKS = 150
"""Until the publisher of a commitment has its own balance, and some more."""


@dataclass
class Told:
    """What has become of a story, as far as money is concerned."""

    pair: Pair
    complete: list[tuple[int, int]] = field(default_factory=list)
    """Payer's seat and amount in satoshi of each payment that was made."""

    def due_sat(self) -> tuple[int, int]:
        """What each has in the channel by now."""
        alice = CAPACITY_SAT - PUSHED_SAT - sum(-amount if payer else amount for payer, amount in self.complete)
        return alice, CAPACITY_SAT - alice


def persist(node: Node, method: str, **parameters: object) -> Any:
    """Ask until it is answered."""
    for _ in node.pair.tries(f"to ask for {method}"):
        with suppress(Died):
            return node.ask(method, **parameters)
    raise AssertionError("tries do not end otherwise")


def until(pair: Pair, what: str, condition: Callable[[], object]) -> None:
    """Wait for it, and let the dead live again meanwhile."""

    def seen() -> bool:
        pair.heal()
        try:
            return bool(condition())
        except Died:
            return False

    pair.wait(what, seen)


def living(pair: Pair) -> list[Node]:
    return [node for node in pair.nodes if node.seat not in pair.away]


# --- chain ---


def mine(pair: Pair, blocks: int = 1) -> None:
    """Mine, and wait until those who are there have seen it."""
    pair.chain.mine(blocks)
    height = pair.chain.height()
    for node in living(pair):
        until(pair, "it has seen the block", partial(is_at, node, height))


def is_at(node: Node, height: int) -> bool:
    return bool(node.ask("getinfo")["blockheight"] == height)


def coins_sat(node: Node) -> int:
    """Confirmed and unspent in its wallet."""
    outputs = persist(node, "listfunds")["outputs"]
    return sum(int(coin["amount_msat"]) for coin in outputs if coin["status"] == "confirmed") // 1000


def mine_until(pair: Pair, what: str, condition: Callable[[], bool], step: int = 1, limit: int = 60) -> None:
    for _ in range(limit):
        if condition():
            return
        mine(pair, step)
    raise AssertionError(f"not within {limit * step} blocks: {what}: {pair.picture()}")


# --- opening ---


def fund(pair: Pair, owner: Node) -> None:
    """Give a node a purse."""
    address = persist(owner, "newaddr", addresstype="p2tr")["p2tr"]
    pair.chain.fund(script_of(address, "regtest"), PURSE_SAT)
    height = pair.chain.height()
    for node in pair.nodes:
        until(pair, "it has seen the purse", partial(is_at, node, height))


def channel(node: Node) -> dict[str, Any] | None:
    """The channel as the node shows it."""
    rows = [row for row in persist(node, "listpeerchannels")["channels"] if row["state"] != "OPENINGD"]
    if node.seat == 1:  # he may know of others that Alice never stored: those are never on the chain
        ours = channel(node.pair.alice)
        rows = [row for row in rows if ours is not None and row["channel_id"] == ours["channel_id"]]
    assert len(rows) <= 1
    return rows[0] if rows else None


def open_channel(pair: Pair) -> None:
    """Until both have it and it is confirmed. A funding transaction that nobody has is never on the chain."""
    for _ in pair.tries("to open the channel"):
        row = channel(pair.alice)
        if row is not None and row["funding_txid"] in pair.chain.rpc.call("getrawmempool"):
            break
        if row is None:
            with suppress(Died, RpcFailed):
                pair.meet()
                pair.alice.ask("fundchannel", id=pair.ids[1], amount=CAPACITY_SAT, push_msat=PUSHED_SAT * 1000)
    mine(pair)
    for node in pair.nodes:
        until(pair, "the channel is open", partial(is_normal, node))
    pair.settle()


def is_normal(node: Node) -> bool:
    row = channel(node)
    return row is not None and row["state"] == "CHANNELD_NORMAL"


# --- paying ---


def pay(told: Told, payer: int, amount_sat: int, label: str, *, unknown: bool = False) -> None:
    """Pay, until the payment has ended: alike for both, and made at most once."""
    pair = told.pair
    bolt11 = invoice(pair, 1 - payer, amount_sat, label)
    if unknown:
        bolt11 = lost(pair.nodes[1 - payer], bolt11)
    for _ in pair.tries("to pay"):
        if payments(pair.nodes[payer], bolt11):
            break
        ask_to_pay(pair, payer, bolt11)
    until(pair, "the payment ends", lambda: has_ended(pair, payer, bolt11))
    rows = payments(pair.nodes[payer], bolt11)
    assert len(rows) == 1, rows
    paid = rows[0]["status"] == "complete"
    if paid:
        assert not unknown
        told.complete.append((payer, amount_sat))
    pair.settle()
    require_invoice(pair.nodes[1 - payer], label, amount_sat if paid else 0)
    require_balances(told)


def ask_to_pay(pair: Pair, payer: int, bolt11: str) -> None:
    """Until it is under way, or refused."""
    asked = pair.start(pair.nodes[payer], "pay", bolt11=bolt11)
    until(pair, "it is under way", lambda: payments(pair.nodes[payer], bolt11) or not asked.is_alive())


def has_ended(pair: Pair, payer: int, bolt11: str) -> bool:
    pair.judge_both()
    return bool(payments(pair.nodes[payer], bolt11)[0]["status"] != "pending")


def invoice(pair: Pair, payee: int, amount_sat: int, label: str) -> str:
    for _ in pair.tries("to get an invoice"):
        rows = persist(pair.nodes[payee], "listinvoices", label=label)["invoices"]
        if rows:
            return str(rows[0]["bolt11"])
        with suppress(Died, RpcFailed):
            pair.nodes[payee].ask("invoice", amount_msat=amount_sat * 1000, label=label, description="for the story")
    raise AssertionError("tries do not end otherwise")


def lost(payee: Node, like: str) -> str:
    """An invoice with the payee's signature that is not in its books."""
    with Database(payee.copy() / "regtest" / DATABASE_NAME) as database:
        row = node_row.load(database.connection, "regtest")
    assert row is not None
    payment_hash = hashlib.sha256(LOST_PREIMAGE + like.encode()).digest()
    unsigned = replace(decode(like), payment_hash=payment_hash, signature=None)
    signed: str = NodeKey(row.seed, SigningLatch()).sign_invoice(unsigned)
    return signed


def payments(payer: Node, bolt11: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = persist(payer, "listpays", bolt11=bolt11)["pays"]
    return found


def require_invoice(payee: Node, label: str, amount_sat: int) -> None:
    """It is paid, once, if and only if there is an amount."""
    (row,) = persist(payee, "listinvoices", label=label)["invoices"]
    assert (row["status"] == "paid") is bool(amount_sat), (row, amount_sat)
    assert row.get("amount_received_msat", 0) == amount_sat * 1000


def require_balances(told: Told) -> None:
    for node, due in zip(told.pair.nodes, told.due_sat(), strict=True):
        row = channel(node)
        assert row is not None
        assert row["htlcs"] == []
        assert row["to_us_msat"] == due * 1000, (told.complete, row)


# --- closing ---


def close(told: Told, closer: int) -> None:
    """Close together; then every satoshi is on the chain, with whom it belongs to."""
    pair = told.pair
    before = [coins_sat(node) for node in pair.nodes]
    for _ in pair.tries("to close"):
        if pair.chain.rpc.call("getrawmempool"):
            break
        with suppress(Died, RpcFailed):
            pair.nodes[closer].ask("close", id=pair.ids[1 - closer])
    height, row = pair.chain.height(), channel(pair.alice)
    assert row is not None
    mine(pair)
    for node in pair.nodes:
        until(pair, "it knows of the close", partial(is_closed, node))
    mined = map(parse_transaction, pair.chain.block(height + 1)[1:])
    closed = next(entry for entry in mined if row["funding_txid"] in map(previous_txid, entry.inputs))
    fee = CAPACITY_SAT - sum(output.amount_sat for output in closed.outputs)
    gains = [coins_sat(node) - had for node, had in zip(pair.nodes, before, strict=True)]
    short = sorted(due - gain for due, gain in zip(told.due_sat(), gains, strict=True))
    assert short == [0, fee], (gains, told.due_sat(), fee)
    assert fee > 0


def previous_txid(entry: Input) -> str:
    return bytes(entry.previous.txid)[::-1].hex()


def is_closed(node: Node) -> bool:
    row = channel(node)
    return row is None or row["state"] == "FUNDING_SPEND_SEEN"


# --- stories in which both are there; what is armed is what is crashed ---


def opened(pair: Pair) -> Told:
    fund(pair, pair.alice)
    open_channel(pair)
    return Told(pair)


def opening(pair: Pair) -> None:
    """Open; then the channel is good for a payment and a close."""
    fund(pair, pair.alice)
    pair.arm(True)
    open_channel(pair)
    pair.arm(False)
    told = Told(pair)
    pay(told, 0, 5_000, "afterwards")
    assert told.complete == [(0, 5_000)]
    close(told, 0)


def paying(pair: Pair) -> None:
    """Pay both ways, each way once in vain; then pay once more, and close."""
    told = opened(pair)
    pair.arm(True)
    pay(told, 0, 50_000, "tea")
    pay(told, 1, 20_000, "cake")
    pay(told, 0, 30_000, "lost", unknown=True)
    pay(told, 1, 10_000, "lost too", unknown=True)
    pair.arm(False)
    finish(told)


def finish(told: Told) -> None:
    made = len(told.complete)
    pay(told, 0, 1_000, "once more")
    assert len(told.complete) == made + 1
    close(told, 1)


def fee(pair: Pair) -> None:
    """Alice, who pays for the commitments, comes back with another estimate, twice."""
    told = opened(pair)
    for feerate_per_kw in (1_500, 1_000):
        pair.feerate = feerate_per_kw
        pair.alice.end()
        pair.arm(True)
        pair.alice.begin(kill=pair.kill_of(pair.alice))
        pair.meet()
        mine(pair)
        until(pair, "both have it", partial(have, pair, feerate_per_kw))
        pair.settle()
        pair.arm(False)
    finish(told)


def have(pair: Pair, feerate_per_kw: int) -> bool:
    return all(has(node, feerate_per_kw) for node in pair.nodes)


def has(node: Node, feerate_per_kw: int) -> bool:
    (state,) = [record.life.channel for record in node.records() if record.life.end is End.NONE]
    return all(int(feerate(state, view)) == feerate_per_kw for view in View)  # type: ignore[call-overload]


def closing(pair: Pair) -> None:
    """Close, after a payment."""
    told = opened(pair)
    pay(told, 0, 50_000, "tea")
    pair.arm(True)
    close(told, 0)


# --- stories of a defence: the other one is dead, or a cheat, and Alice is killed ---


def defending_own(pair: Pair) -> None:
    """Bob is gone with a payment under way: it comes back to Alice on the chain, and so does her balance."""
    told = opened(pair)
    pay(told, 0, 50_000, "tea")
    pair.may_fail = True
    bolt11 = under_way(told, 200_000, "given back on chain", "before UpdateFailHtlc", unknown=True)
    before = coins_sat(pair.alice)
    pair.arm(True)
    mine_until(pair, "the payment has failed", lambda: payments(pair.alice, bolt11)[0]["status"] == "failed")
    due = told.due_sat()[0]
    mine_until(pair, "Alice has all", lambda: coins_sat(pair.alice) > before + due - DEAREST_CLAIMS_SAT, 10)
    mine(pair, 10)
    assert coins_sat(pair.alice) <= before + due
    pair.arm(False)
    require_bobs_part(told)


def defending_against_peer(pair: Pair) -> None:
    """Bob has taken a payment and tells the chain, not Alice: she learns it there, and has her balance."""
    fund(pair, pair.bob)
    told = opened(pair)
    pay(told, 0, 50_000, "tea")
    pair.may_fail = True
    bolt11 = under_way(told, 200_000, "claimed on chain", "before UpdateFulfillHtlc")
    before = coins_sat(pair.alice)
    pair.away = {0, 1}
    pair.alice.end()
    had = pair.bob.begin() and coins_sat(pair.bob)
    pair.away = {0}
    assert persist(pair.bob, "close", id=pair.ids[0], unilateraltimeout=1)["type"] == "unilateral"
    mine(pair)
    pair.arm(True)
    pair.away = set()
    pair.alice.begin(kill=pair.kill_of(pair.alice))
    mine_until(pair, "Alice knows", lambda: payments(pair.alice, bolt11)[0]["status"] == "complete")
    told.complete.append((0, 200_000))
    due = told.due_sat()
    mine_until(pair, "Alice has hers", lambda: coins_sat(pair.alice) > before + due[0] - DEAREST_CLAIMS_SAT)
    pair.arm(False)
    assert coins_sat(pair.alice) <= before + due[0]
    require_invoice(pair.bob, "claimed on chain", 200_000)
    mine_until(pair, "Bob has his", lambda: coins_sat(pair.bob) > had + due[1] - DEAREST_CLAIMS_SAT, 10)
    assert coins_sat(pair.bob) <= had + due[1]


def punishing(pair: Pair) -> None:
    """Bob publishes a state in which more was his: Alice takes everything."""
    told = opened(pair)
    pay(told, 0, 300_000, "rich")
    pair.bob.end()
    copy = pair.folder / "rich"
    shutil.copytree(pair.bob.folder, copy)
    pair.bob.begin()
    pair.meet()
    pay(told, 1, 350_000, "poor")
    before = coins_sat(pair.alice)
    pair.away = {0, 1}
    pair.alice.end()
    pair.bob.end()
    shutil.rmtree(pair.bob.folder)
    shutil.copytree(copy, pair.bob.folder)
    pair.has_cheat = True
    pair.away = {0}
    pair.bob.begin()
    assert persist(pair.bob, "close", id=pair.ids[0], unilateraltimeout=1)["type"] == "unilateral"
    until(pair, "it waits", lambda: pair.chain.rpc.call("getrawmempool"))
    mine(pair)
    pair.away = {0, 1}
    pair.bob.end()
    pair.arm(True)
    pair.away = {1}
    pair.alice.begin(kill=pair.kill_of(pair.alice))
    mine_until(pair, "Alice has all", lambda: coins_sat(pair.alice) > before + CAPACITY_SAT - DEAREST_CLAIMS_SAT)
    pair.arm(False)
    assert coins_sat(pair.alice) <= before + CAPACITY_SAT


def under_way(told: Told, amount_sat: int, label: str, point: str, *, unknown: bool = False) -> str:
    """A payment of Alice's that is under way when Bob dies at the point; he stays dead."""
    pair = told.pair
    bolt11 = invoice(pair, 1, amount_sat, label)
    if unknown:
        bolt11 = lost(pair.bob, bolt11)
    pair.bob.end()
    pair.bob.begin(kill=Kill(1, on=point))
    pair.meet()
    until(pair, "they have met", lambda: all(is_connected(node) for node in pair.nodes))
    pair.settle()
    pair.away = {1}
    (pair.bob.folder / "armed").touch()
    pair.start(pair.alice, "pay", bolt11=bolt11)
    pair.wait("Bob has died", lambda: not pair.bob.is_alive)
    (pair.bob.folder / "armed").unlink()
    until(pair, "the payment is under way", lambda: payments(pair.alice, bolt11))
    return bolt11


def is_connected(node: Node) -> bool:
    row = channel(node)
    return row is not None and bool(row.get("reestablished"))


def require_bobs_part(told: Told) -> None:
    """He comes back, and takes it."""
    pair = told.pair
    had = pair.bob.begin() and coins_sat(pair.bob)
    pair.away = set()
    due = told.due_sat()[1]
    mine_until(pair, "Bob has his", lambda: coins_sat(pair.bob) > had + due - DEAREST_CLAIMS_SAT)
    assert coins_sat(pair.bob) <= had + due


STORIES: dict[str, Callable[[Pair], None]] = {
    "opening": opening,
    "paying": paying,
    "fee": fee,
    "closing": closing,
    "defending_own": defending_own,
    "defending_against_peer": defending_against_peer,
    "punishing": punishing,
}
