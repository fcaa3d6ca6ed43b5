"""What a block shows of a channel: its funding output, how deep it is, and what has spent it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from boltchain.client.follower import BlockConnected, BlockDisconnected
from boltchain.transaction import OutPoint, Transaction
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.record import ChannelRecord
from boltspec.establishment.forgetting import FORGET_BLOCKS, is_forgotten, may_be_forgotten
from boltspec.establishment.funding import COINBASE_MATURITY, NOT_SEEN, FundingOutput, FundingSeen, Script
from boltspec.establishment.state import pays_as_agreed
from boltspec.lifetime.steps import Spent
from boltspec.units import Blocks, Sat
from boltwire.scid import ShortChannelId

DEEP_ENOUGH: Final = int(COINBASE_MATURITY) + 44
"""Confirmations beyond which no rule asks for more."""


def look_at_block(machine: ChannelMachine, event: BlockConnected) -> None:
    """Note what the block, which is the best one now, means for the channel."""
    record = machine.record
    if record.funding is None:
        return
    for index, transaction in enumerate(event.block.transactions):
        if transaction.txid == record.funding.txid:
            _note_funding(machine, transaction, event.position.height, index)
        if any(_spends(entry.previous, machine) for entry in transaction.inputs):
            _note_spent(machine, transaction, event.position.height)
    _count(machine, event.position.height)
    _wait(machine, event.position.height)


def _spends(previous: OutPoint, machine: ChannelMachine) -> bool:
    funding = machine.record.funding
    return funding is not None and (previous.txid, previous.vout) == (funding.txid, funding.vout)


def _note_funding(machine: ChannelMachine, transaction: Transaction, height: int, index: int) -> None:
    """Note that the transaction is confirmed; one that does not pay as was agreed funds nothing, whoever named it."""
    funding = machine.record.funding
    assert funding is not None
    seen = FundingSeen(None, Blocks(1), transaction.is_coinbase)
    if funding.vout < len(transaction.outputs):
        output = transaction.outputs[funding.vout]
        script = Script.FUNDING if output.script_pubkey == machine.funding_script else Script.FOREIGN
        scid = int(ShortChannelId.of(height, index, funding.vout))
        seen = replace(seen, output=FundingOutput(Sat(output.amount_sat), script), short_channel_id=scid)
    machine.see(seen, Spent.NOTHING)
    if pays_as_agreed(machine.life.establishment):
        machine.note(funding_height=height)


def _note_spent(machine: ChannelMachine, transaction: Transaction, height: int) -> None:
    kind = _spent_kind(machine.record, frozenset(output.script_pubkey for output in transaction.outputs))
    machine.note(spent_height=height, spent_by=bytes(transaction.txid))
    machine.see(machine.life.establishment.seen, kind)


def _spent_kind(record: ChannelRecord, outputs: frozenset[bytes]) -> Spent:
    """What kind of transaction has spent the funding output, by the scripts that it pays."""
    closing = record.life.closing
    scripts = () if closing is None else (closing.local_script, closing.remote_script)
    known = {bytes.fromhex(script.name) for script in scripts if script is not None}
    return Spent.MUTUAL_CLOSE if outputs and outputs <= known else Spent.COMMITMENT


def _count(machine: ChannelMachine, height: int) -> None:
    """Count the confirmations of the funding transaction."""
    seen, found = machine.life.establishment.seen, machine.record.funding_height
    if found is None or int(seen.confirmations) >= DEEP_ENOUGH:
        return
    machine.see(replace(seen, confirmations=Blocks(height - found + 1)), Spent.NOTHING)


def _wait(machine: ChannelMachine, height: int) -> None:
    """Forget the peer's channel if its funding transaction does not come."""
    record, state = machine.record, machine.life.establishment
    if record.funding_height is not None or not may_be_forgotten(state):
        return
    if record.waits_since is None:
        machine.note(waits_since=height)
    elif is_forgotten(state, Blocks(height - record.waits_since)):
        machine.forget(f"its funding transaction was not confirmed within {FORGET_BLOCKS} blocks")


def looked_back(machine: ChannelMachine, event: BlockDisconnected) -> None:
    """Note that a block is no longer part of the chain."""
    record, gone = machine.record, event.disconnected.height
    if record.spent_height == gone:
        machine.note(spent_height=None, spent_by=None)
    if record.funding_height == gone:
        machine.note(funding_height=None)
        machine.see(NOT_SEEN, Spent.NOTHING)
    elif record.funding_height is not None:
        seen = machine.life.establishment.seen
        confirmations = Blocks(event.position.height - record.funding_height + 1)
        machine.see(replace(seen, confirmations=confirmations), Spent.NOTHING)
