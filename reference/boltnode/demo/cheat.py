"""The second story: Bob publishes a commitment that he has revoked, and loses everything."""

from __future__ import annotations

from typing import Final

from boltchain.transaction import OutPoint, Txid
from boltnode.channels.hearing import opening_terms
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.record import ChannelRecord
from boltnode.demo.stage import Actor, DemoFailed, Stage
from boltnode.demo.together import CAPACITY_SAT, open_channel
from boltnode.state_codec import decode_state
from boltnode.storage import channel_rows
from boltspec.htlc import LOCAL
from boltwire.commitment import BuiltCommitment, OutputRole
from boltwire.commitment_signatures import complete_commitment
from boltwire.transaction import Transaction, parse_transaction, txid_to_hex

WAGE_SAT, RENT_SAT = 600_000, 550_000
MAINS: Final = (OutputRole.TO_LOCAL, OutputRole.TO_REMOTE)


async def tell(stage: Stage) -> None:
    """Open, pay back and forth, publish what is outdated, and be punished."""
    alice, bob, say = stage.alice, stage.bob, stage.say
    stage.step("They open another channel, and Alice pays Bob his wage.")
    channel_id = await open_channel(stage)
    await _pay(stage, alice, bob, WAGE_SAT, "wage")
    await stage.show()
    stage.step("Bob keeps a copy of his commitment transaction, in which he is rich. Then he pays Alice the rent.")
    built, copy = await _newest_commitment(bob, bytes.fromhex(channel_id))
    await _pay(stage, bob, alice, RENT_SAT, "rent")
    before = await stage.show()
    say(f"    by paying, Bob's node gave away the secret of commitment {built.params.commitment_number}: it is revoked")

    stage.step("Bob cheats: he publishes the old commitment, and has to wait before he can take his output.")
    stage.show_transaction("revoked commitment", copy.serialize())
    await stage.chain.send(copy.serialize())
    await stage.mine()

    stage.step("Alice's node finds it in the block, and takes Bob's output at once with the secret.")
    claims = await _claims(stage, copy)
    for name, raw in claims.items():
        stage.show_transaction(name, raw)
    await stage.mine()
    after = await stage.show()
    gains = [now.chain_sat - then.chain_sat for now, then in zip(after, before, strict=True)]
    _check(stage, built, claims, gains)
    stage.expect(await _is_unspent(stage, copy, built), False, "the output of Bob's that he waits for")
    say(f"    Bob had {before[1].channel_sat:,} sat in the channel, wanted {WAGE_SAT:,} sat, and has nothing of them")


async def _pay(stage: Stage, payer: Actor, payee: Actor, amount_sat: int, label: str) -> None:
    invoice = await payee.ask("invoice", amount_msat=amount_sat * 1000, label=label, description=label)
    await payer.ask("pay", bolt11=invoice["bolt11"])
    await stage.until_settled()


async def _newest_commitment(thief: Actor, channel_id: bytes) -> tuple[BuiltCommitment, Transaction]:
    """The newest commitment of a node with both signatures, out of the node's own file: what a thief would copy."""
    rows = await thief.services.commits.read(channel_rows.load)
    record: ChannelRecord = next(decode_state(row.state) for row in rows if row.channel_id == channel_id)
    keys = ChannelKeys.of(thief.services.seed(), record.key_id)
    if record.held is None:
        raise DemoFailed("the node has no commitment")
    terms, held = opening_terms(record, keys), record.held
    built = terms.build(LOCAL, held.commitment, keys.point_of(held.commitment.number))
    return built, complete_commitment(built, held.signatures.signature, keys.funding_key)


async def _claims(stage: Stage, commitment: Transaction) -> dict[str, bytes]:
    """What Alice's node broadcasts against the commitment, by a name for people."""

    async def are_there() -> bool:
        return len(await stage.chain.mempool()) >= len(MAINS)

    await stage.until("Alice's node has broadcast its claims", are_there)
    found: dict[str, bytes] = {}
    for txid in await stage.chain.mempool():
        raw = (await stage.chain.transaction(txid)).raw
        spent = parse_transaction(raw).inputs[0]
        if spent.outpoint.txid != commitment.txid():
            raise DemoFailed(f"{txid_to_hex(txid)} spends something else")
        # The signature is followed by what says which way of the script is taken.
        found["penalty" if spent.witness[1:-1] == (b"\x01",) else "Alice's own output"] = raw
    stage.expect(set(found), {"penalty", "Alice's own output"}, "what Alice's node does")
    return found


def _check(stage: Stage, built: BuiltCommitment, claims: dict[str, bytes], gains: list[int]) -> None:
    """Account for every satoshi."""
    mains = sum(entry.output.amount_sat for entry in built.outputs if entry.role in MAINS)
    paid = sum(output.amount_sat for raw in claims.values() for output in parse_transaction(raw).outputs)
    stage.say(f"    of {CAPACITY_SAT:,} sat the commitment's fee and anchors took {CAPACITY_SAT - mains:,} sat,")
    stage.say(f"    the fees of Alice's transactions {mains - paid:,} sat, and {paid:,} sat are hers")
    stage.expect(gains, [paid, 0], "what Alice and Bob have gained on the chain")


async def _is_unspent(stage: Stage, commitment: Transaction, built: BuiltCommitment) -> bool:
    vout = built.vout(OutputRole.TO_LOCAL)
    if vout is None:
        raise DemoFailed("Bob's commitment has no output for him")
    return await stage.chain.utxo(OutPoint(Txid(commitment.txid()), vout)) is not None
