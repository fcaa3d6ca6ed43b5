"""`boltchain serve` against `bitcoind`: the same life on both, the same answers from both.

Both have the same blocks, always: what one mines is handed to the other. Each step does the same thing to both and
compares what they say: accepted or rejected, with which reason; then their mempools, their best blocks and their
unspent outputs. `bitcoind` runs with its default relay policy; where Knots differs from Core, options bring it back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boltchain.block import build_block, build_coinbase, parse_block
from boltchain.daemon import BitcoindProcess
from boltchain.provision import HOW_TO_PROVIDE, find_bitcoind
from boltchain.rpc import Rpc, RpcError
from boltchain.serialization import compact_size
from boltchain.server.process import ServerProcess
from boltchain.spending import p2wsh_script
from boltchain.transaction import Input, OutPoint, Output, Transaction, Txid, display, parse_transaction

CORE_POLICY = (
    "-acceptnonstdtxn=0",
    "-minrelaytxfee=0.00001",
    "-blockmintxfee=0.00001",
    "-dustrelayfee=0.00003",
    "-incrementalrelayfee=0.00001",
    "-mempooltruc=enforce",
    "-permitephemeral=anchor,send,dust",
    "-permitbaredatacarrier=1",
    "-permitbaremultisig=1",
    "-permitbarepubkey=1",
    "-subdustfeepenalty=0",
)
OP_TRUE = b"\x51"
OPEN = p2wsh_script(OP_TRUE)
"""Anybody can spend this: signatures are checked elsewhere, here scripts only hold or not."""
COIN_SAT = 20_000
PREMINED = 400
NOWHERE = OutPoint(Txid(b"\x07" * 32), 0)
CLASSES = (
    "script-verify-flag-failed",
    "TX decode failed",
    "min relay fee not met",
    "insufficient fee",
    "TRUC",
    "dust",
    "bad-witness",  # Knots says which limit a witness breaks, Core does not
)
SCRIPTS = {
    "open": OPEN,
    "key hash": b"\x00\x14" + bytes(20),
    "taproot": b"\x51\x20" + bytes(range(32)),
    "anchor": b"\x51\x02\x4e\x73",
    "script hash": b"\xa9\x14" + bytes(20) + b"\x87",
    "data": b"\x6a\x04data",
    "odd": b"\x51",
}


@dataclass
class Twins:
    """Both nodes, and what is known of the coins on them."""

    served: Rpc
    bitcoind: Rpc
    coins: list[tuple[OutPoint, int]] = field(default_factory=list)
    """Outpoints with open scripts and their amounts: confirmed, waiting, spent, reorganised away."""
    unique: Iterator[int] = field(default_factory=lambda: count(1))
    versions: list[int] = field(default_factory=lambda: [2])
    """Versions that transactions have."""
    premined: Iterator[int] = field(default_factory=lambda: count(1))
    """Heights of blocks whose reward is mature and untouched."""

    @property
    def both(self) -> tuple[Rpc, Rpc]:
        return self.served, self.bitcoind

    def ask(self, method: str, *parameters: object) -> Any:
        """The answer that both give; it must be one."""
        answers = [node.call(method, *parameters) for node in self.both]
        assert answers[0] == answers[1], (method, parameters)
        return answers[0]

    def ask_sorted(self, method: str) -> list[str]:
        """A list that both give, in whatever order."""
        answers = [sorted(node.call(method)) for node in self.both]
        assert answers[0] == answers[1], method
        return answers[0]

    def outcome(self, method: str, *parameters: object) -> object:
        """What both say, reduced to what must agree: the answer, or the class of the reason."""
        outcomes = [outcome(node, method, *parameters) for node in self.both]
        assert outcomes[0] == outcomes[1], (method, outcomes, parameters)
        return outcomes[0]

    def hand_over(self, source: Rpc, target: Rpc, blocks: list[str]) -> None:
        for block_hash in blocks:
            assert target.call("submitblock", source.call("getblock", block_hash, 0)) is None

    def mine_on(self, number: int, blocks: int = 1) -> None:
        source, target = self.both[number], self.both[1 - number]
        hashes = source.call("generatetodescriptor", blocks, f"raw({OPEN.hex()})")
        self.hand_over(source, target, hashes)

    def build(self, height_below: int, transactions: tuple[Transaction, ...] = ()) -> str:
        """A block on top of the best chain's block at that height, in hexadecimal."""
        below = self.ask("getblockhash", height_below)
        header = self.bitcoind.call("getblockheader", below)
        coinbase = build_coinbase(height_below + 1, next(self.unique) << 32, (0, OPEN), transactions)
        return build_block(bytes.fromhex(below)[::-1], header["time"] + 1, [coinbase, *transactions]).raw.hex()

    def reorganise(self, depth: int) -> None:
        """A branch of empty blocks that is one longer wins on both."""
        height = self.ask("getblockcount")
        below = self.ask("getblockhash", height - depth)
        block_time = self.bitcoind.call("getblockheader", below)["time"]
        previous = bytes.fromhex(below)[::-1]
        for step in range(depth + 1):
            coinbase = build_coinbase(height - depth + step + 1, next(self.unique) << 32, (0, OPEN), [])
            block = build_block(previous, block_time + 1 + step, [coinbase])
            previous = block.hash
            for node in self.both:
                assert node.call("submitblock", block.raw.hex()) in (None, "inconclusive")
        assert self.ask("getbestblockhash") == display(previous)

    def compare(self) -> None:
        pools = [set(node.call("getrawmempool")) for node in self.both]
        assert pools[0] == pools[1], ("only served", pools[0] - pools[1], "only bitcoind", pools[1] - pools[0])
        self.ask("getbestblockhash")
        for outpoint, _ in self.coins:
            for mempool in (False, True):
                found = [node.call("gettxout", display(outpoint.txid), outpoint.vout, mempool) for node in self.both]
                shown = [utxo and (utxo["value"], utxo["confirmations"], utxo["coinbase"]) for utxo in found]
                assert shown[0] == shown[1], (outpoint, mempool)
        for txid in self.served.call("getrawmempool"):
            entries = [node.call("getmempoolentry", txid) for node in self.both]
            fields = ("vsize", "weight", "ancestorcount", "ancestorsize", "descendantcount", "descendantsize", "fees")
            assert [entries[0][name] for name in fields] == [entries[1][name] for name in fields], entries
            assert sorted(entries[0]["depends"]) == sorted(entries[1]["depends"])
            assert sorted(entries[0]["spentby"]) == sorted(entries[1]["spentby"])


def outcome(node: Rpc, method: str, *parameters: object) -> object:
    try:
        answer = node.call(method, *parameters)
    except RpcError as error:
        return error.code, reason_class(error.message)
    if method == "testmempoolaccept" and len(answer) > 1:
        # Core finds some faults of families before it looks at any member, and then blames the package.
        return all(each.get("allowed") for each in answer)
    if method == "testmempoolaccept":
        (judged,) = answer
        return judged["allowed"], reason_class(judged.get("reject-reason", "")), judged.get("fees", {}).get("base")
    if method == "submitpackage":
        accepted = {each["txid"]: "error" not in each for each in answer["tx-results"].values()}
        message = answer["package_msg"]
        if message != "success" and not message.startswith(("package-", "conflict-")):
            message = "transaction failed"  # Knots names the member's fault here, Core does not
        return message, accepted, sorted(answer["replaced-transactions"])
    return answer


def reason_class(message: str) -> str:
    """The first words of a reason, without what is said in detail."""
    for word in CLASSES:
        if word.lower() in message.lower():
            return word
    return re.split(r", | \(", message, maxsplit=1)[0]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    program = find_bitcoind()
    if program is None and os.environ.get("CI"):
        pytest.fail(f"no bitcoind: {HOW_TO_PROVIDE}")
    if program is None:
        pytest.skip(f"no bitcoind: {HOW_TO_PROVIDE}")
    with (
        BitcoindProcess(program, CORE_POLICY) as process,
        ServerProcess(tmp_path_factory.mktemp("served"), durable=False) as server,
    ):
        twins = Twins(server.connect(), process.rpc)
        twins.mine_on(1, PREMINED)
        yield twins
        twins.served.close()


def serialize(
    inputs: list[Input], outputs: list[Output], witnesses: list[list[bytes]], version: int, locktime: int
) -> Transaction:
    parts = [version.to_bytes(4, "little"), b"\x00\x01", compact_size(len(inputs))]
    parts += [each.previous.serialize() + b"\x00" + each.sequence.to_bytes(4, "little") for each in inputs]
    parts.append(compact_size(len(outputs)))
    for output in outputs:
        script = output.script_pubkey
        parts.append(output.amount_sat.to_bytes(8, "little") + compact_size(len(script)) + script)
    for stack in witnesses:
        parts.append(compact_size(len(stack)) + b"".join(compact_size(len(item)) + item for item in stack))
    return parse_transaction(b"".join(parts) + locktime.to_bytes(4, "little"))


def draw_transaction(data: st.DataObject, twins: Twins, coins: list[tuple[OutPoint, int]]) -> Transaction:
    """A transaction that spends one to three of the coins, mostly sensible, sometimes wrong in one way."""
    chosen = data.draw(st.lists(st.sampled_from(coins), min_size=1, max_size=3, unique=True))
    sequences = st.sampled_from([0xFFFFFFFD] * 10 + [0xFFFFFFFF, 1, 2, 3, 1 << 22, (1 << 22) + 1])
    inputs = [Input(outpoint, data.draw(sequences)) for outpoint, _ in chosen]
    ahead = data.draw(st.sampled_from([None] * 6 + [0, 1]))
    locktime = 0 if ahead is None else twins.bitcoind.call("getblockcount") + ahead
    version = data.draw(st.sampled_from(twins.versions))
    kinds = data.draw(st.lists(st.sampled_from(["open"] * 12 + list(SCRIPTS)), min_size=1, max_size=3))
    stack = data.draw(st.sampled_from([[OP_TRUE]] * 12 + [[b"\x52"], [], [b"\x01", OP_TRUE], [b"x" * 81, OP_TRUE]]))
    total = sum(amount for _, amount in chosen)
    shape = serialize(inputs, [Output(0, SCRIPTS[kind]) for kind in kinds], [stack] * len(inputs), version, locktime)
    fees = [0, 0, shape.vsize - 1, shape.vsize, shape.vsize, 2 * shape.vsize, 3 * shape.vsize, 10 * shape.vsize, -1]
    left = total - data.draw(st.sampled_from(fees))
    small = data.draw(st.sampled_from([None] * 4 + [0, 239, 240, 293, 294, 329, 330]))
    amounts = [max(left // len(kinds), 0)] * len(kinds)
    if small is not None and len(kinds) > 1:
        amounts = [small] + [max((left - small) // (len(kinds) - 1), 0)] * (len(kinds) - 1)
    amounts[-1] = max(amounts[-1] + left - sum(amounts), 0)
    outputs = [Output(amount, SCRIPTS[kind]) for amount, kind in zip(amounts, kinds, strict=True)]
    return serialize(inputs, outputs, [stack] * len(inputs), version, locktime)


def learn(twins: Twins, transaction: Transaction) -> None:
    if display(transaction.txid) not in twins.ask_sorted("getrawmempool"):
        return
    for vout, output in enumerate(transaction.outputs):
        if output.script_pubkey == OPEN and output.amount_sat:
            coin = OutPoint(transaction.txid, vout), output.amount_sat
            if coin not in twins.coins:
                twins.coins.append(coin)


def fan_out(twins: Twins, coins: int) -> None:
    """Fresh confirmed coins on both, from a coinbase that is mature; the mempools are empty."""
    twins.mine_on(0)
    twins.mine_on(1)
    matured = parse_block(bytes.fromhex(twins.ask("getblock", twins.ask("getblockhash", next(twins.premined)), 0)))
    each = min(COIN_SAT, matured.transactions[0].outputs[0].amount_sat // coins)
    source = Input(OutPoint(matured.transactions[0].txid, 0), 0xFFFFFFFF)
    spend = serialize([source], [Output(each, OPEN)] * coins, [[OP_TRUE]], 2, 0)
    block = twins.build(twins.ask("getblockcount"), (spend,))
    for node in twins.both:
        assert node.call("submitblock", block) is None
    twins.coins = [(OutPoint(spend.txid, vout), each) for vout in range(coins)] + [(NOWHERE, COIN_SAT)]


def good_package(data: st.DataObject, twins: Twins) -> list[Transaction]:
    """A restricted parent that pays little or nothing and a child that may pay enough for both."""
    outpoint, amount_sat = data.draw(st.sampled_from(twins.coins))
    parent_fee, child_fee = data.draw(st.sampled_from([0, 0, 50])), data.draw(st.sampled_from([100, 250, 400, 2_000]))
    other = data.draw(st.sampled_from(twins.coins))
    version = data.draw(st.sampled_from([3, 3, 3, 2]))
    dust = data.draw(st.sampled_from([None, 0, 240]))
    left = amount_sat - parent_fee - (dust or 0)
    outputs = [Output(left, OPEN)] if dust is None else [Output(left, OPEN), Output(dust, SCRIPTS["anchor"])]
    parent = serialize([Input(outpoint, 0xFFFFFFFD)], outputs, [[OP_TRUE]], version, 0)
    inputs, stacks, total = [Input(OutPoint(parent.txid, 0), 0xFFFFFFFD)], [[OP_TRUE]], left
    if dust is not None and data.draw(st.sampled_from([True, True, False])):
        inputs, stacks, total = [*inputs, Input(OutPoint(parent.txid, 1), 0xFFFFFFFD)], [*stacks, []], total + dust
    if other[0] != outpoint and data.draw(st.booleans()):
        inputs, stacks, total = [*inputs, Input(other[0], 0xFFFFFFFD)], [*stacks, [OP_TRUE]], total + other[1]
    return [parent, serialize(inputs, [Output(max(total - child_fee, 0), OPEN)], stacks, version, 0)]


STEPS = ["send"] * 8 + ["package"] * 3 + ["mine served", "mine bitcoind"]
"""In every life."""

WITH_REORGANISATIONS = [*STEPS, "reorganise", "invalidate"]
WITH_RESTRICTED = [*STEPS, *["good package"] * 6]
"""Restricted transactions (version 3) and reorganisations are not mixed: which of a family of restricted ones stays
when its oldest member comes back from a block is not the same here as there, and not compared."""


def run(data: st.DataObject, twins: Twins) -> None:
    fan_out(twins, 6)
    steps = data.draw(st.sampled_from([WITH_REORGANISATIONS, WITH_RESTRICTED]))
    twins.versions = [2] * 8 + [1, 4] + [3] * 4 * (steps is WITH_RESTRICTED)
    for step in data.draw(st.lists(st.sampled_from(steps), min_size=1, max_size=12)):
        if step == "send":
            transaction = draw_transaction(data, twins, twins.coins)
            raw = transaction.raw.hex()
            twins.outcome("testmempoolaccept", [raw])
            twins.outcome("sendrawtransaction", raw, 0, 21_000_000)
            learn(twins, transaction)
        elif step == "package":
            parent = draw_transaction(data, twins, twins.coins)
            made = [
                (OutPoint(parent.txid, vout), output.amount_sat)
                for vout, output in enumerate(parent.outputs)
                if output.script_pubkey == OPEN
            ]
            if made:
                others = data.draw(st.lists(st.sampled_from(twins.coins), max_size=1))
                child = draw_transaction(data, twins, [*made, *others])
                twins.outcome("testmempoolaccept", [parent.raw.hex(), child.raw.hex()], 0)
                twins.outcome("submitpackage", [parent.raw.hex(), child.raw.hex()], 0, 21_000_000)
                learn(twins, parent)
                learn(twins, child)
        elif step == "good package":
            package = good_package(data, twins)
            twins.outcome("submitpackage", [each.raw.hex() for each in package], 0, 21_000_000)
            for each in package:
                learn(twins, each)
        elif step.startswith("mine"):
            twins.mine_on(step == "mine bitcoind")
        elif step == "reorganise":
            twins.reorganise(data.draw(st.integers(1, 3)))
        else:
            doomed = twins.ask("getblockhash", twins.ask("getblockcount") - data.draw(st.integers(0, 2)))
            twins.outcome("invalidateblock", doomed)
            twins.compare()
            if data.draw(st.booleans()):
                twins.mine_on(0, 3)  # bitcoind would make the very block again that was declared invalid
            twins.outcome("reconsiderblock", doomed)
        twins.compare()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_served_chain_and_bitcoind_live_the_same_life(twins: Twins, data: st.DataObject) -> None:
    run(data, twins)
