"""How runs of the update dance are shown: HTLCs by their stages, commitments by what they pay."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import Any

from boltproofs.explorer.family import Form, Property, World
from boltproofs.families.shown import TwoNodes, wire_name
from boltspec.channel import Channel
from boltspec.commitment import Commitment, View, balance, commitment, pending
from boltspec.feerates import Feerates
from boltspec.htlc import LOCAL, REMOTE, Htlc, Stage
from boltspec.messages import (
    ChannelReestablish,
    CommitmentSigned,
    RevokeAndAck,
    Signature,
    UpdateAddHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
)
from boltspec.move import Move
from boltspec.party import incoming
from boltspec.scenario import NAMES


class DanceShown(TwoNodes):
    """Messages, changes and numbers of the update dance."""

    def message(self, message: Any) -> str:
        """Return a message with the fields that matter."""
        match message:
            case UpdateAddHtlc():
                shown = f"id {message.id}, amount_msat {message.amount_msat}, cltv_expiry {message.cltv_expiry}"
            case CommitmentSigned():
                shown = _signatures_text(message)
            case RevokeAndAck():
                shown = f"secret {message.per_commitment_secret}"
            case UpdateFee():
                shown = f"feerate_per_kw {message.feerate_per_kw}"
            case ChannelReestablish():
                shown = (
                    f"next commitment {message.next_commitment_number}, next revocation"
                    f" {message.next_revocation_number}, secret {message.your_last_per_commitment_secret}"
                )
            case UpdateFailMalformedHtlc():
                shown = f"id {message.id}, failure_code {message.failure_code:#x}"
            case _:
                shown = f"id {message.id}"
        return f"{wire_name(message)} ({shown})"

    def received(self, scenario: Any, before: World, party: int, message: Any) -> object:
        """Return the verdict on a message that reaches a party."""
        return incoming(scenario, party, before.nodes[party], message)

    def changes(self, before: World, party: int, after: World) -> list[str]:
        """Return what changes at a node; HTLCs by offerer, id and stage."""
        old, new = before.nodes[party], after.nodes[party]
        lines = []
        for field in fields(Channel):
            was, now = getattr(old, field.name), getattr(new, field.name)
            if field.name not in ("htlcs", "feerates") and was != now:
                lines.append(f"{field.name} {_shown(was)} > {_shown(now)}")
        lines += _feerate_changes(old.feerates, new.feerates)
        known = {(htlc.offerer, htlc.id): htlc for htlc in old.htlcs.items}
        for htlc in new.htlcs.items:
            lines += _htlc_changes(party, known.pop((htlc.offerer, htlc.id), None), htlc)
        return lines + [f"{_htlc_name(party, htlc)} settled" for htlc in known.values()]

    def happened(self, before: World, move: Move, after: World) -> list[str]:
        """Return what happens to the connection."""
        match move.action:
            case "disconnect":
                return ["# the connection is lost and made again"]
            case "crash":
                return [f"# {NAMES[move.party]} crashes and starts again"]
            case "restore":
                return [f"# {NAMES[move.party]} has lost its data since the channel was opened"]
            case "ask":
                return [f"# {NAMES[move.party]} is behind, and asks its peer to fail the channel"]
            case _:
                return super().happened(before, move, after)

    def numbers(self, scenario: Any, before: World, move: Move | None, after: World, broken: Property) -> list[str]:
        """Return the numbers of the node that moved, or of the world."""
        del scenario, before
        if broken.form is Form.WORLD:
            return _world_numbers(after)
        party = 0 if move is None or move.party not in (0, 1) else move.party
        return _node_numbers(NAMES[party], after.nodes[party])


def _shown(value: object) -> object:
    return value.name if isinstance(value, Enum) else value


def _feerate_changes(old: Feerates, new: Feerates) -> list[str]:
    stages = [stage for stage in Stage if stage is not Stage.ABSENT and old.at(stage) != new.at(stage)]
    return [f"feerate from {stage.name} on: {new.at(stage).feerate_per_kw}" for stage in stages]


def _signatures_text(message: CommitmentSigned) -> str:
    def shown(signature: Signature) -> str:
        return "nothing" if signature.signed is None else f"{signature.signed.number}"

    text = f"signs {shown(message.signature)}, num_htlcs {message.num_htlcs}"
    if message.htlc_signatures != message.signature:
        text += f", HTLC signatures for {shown(message.htlc_signatures)}"
    return text


def _htlc_name(party: int, htlc: Htlc) -> str:
    offerer = party if htlc.offerer is LOCAL else 1 - party
    return f"htlc {NAMES[offerer]}{htlc.id}"


def _htlc_changes(party: int, old: Htlc | None, new: Htlc) -> list[str]:
    name, lines = _htlc_name(party, new), []
    if old is None or old.added is not new.added:
        lines.append(f"{name} added: {new.added.name}")
    if new.removed is not (Stage.ABSENT if old is None else old.removed):
        lines.append(f"{name} {new.removal.name.lower()}: {new.removed.name}")
    return lines


def _node_numbers(name: str, node: Channel) -> list[str]:
    lines = [
        f"{name}: commitments {node.local_commitment_number} (local) {node.remote_commitment_number} (remote),"
        f" revoked {node.local_revocations} (local) {node.remote_revocations} (remote)"
    ]
    for view in View:
        local, remote, held = balance(node, LOCAL, view), balance(node, REMOTE, view), pending(node, view)
        lines.append(f"{view.name.lower():16} local {local}  remote {remote}  pending {held} msat")
    return lines


def _world_numbers(world: World) -> list[str]:
    if world.blame is not None:
        return [
            f"{NAMES[world.blame.receiver]} rejects what honest {NAMES[1 - world.blame.receiver]} sent:"
            f" {world.blame.rule}"
        ]
    lines = []
    for holder in (0, 1):
        signed = commitment(world.nodes[1 - holder], View.REMOTE_LATEST)
        held = commitment(world.nodes[holder], View.LOCAL_LATEST)
        lines.append(f"newest of {NAMES[holder]}, as {NAMES[1 - holder]} computes it: {_commitment_text(signed)}")
        lines.append(f"newest of {NAMES[holder]}, as {NAMES[holder]} computes it: {_commitment_text(held)}")
    return lines


def _commitment_text(one: Commitment) -> str:
    htlcs = sum(int(htlc.amount_msat) for htlc in one.htlcs)
    return f"number {one.number}, {one.to_owner_msat} / {one.to_other_msat} / HTLCs {htlcs} msat"
