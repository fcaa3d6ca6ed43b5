"""Traces as two-column message ladders: A on the left, B on the right, the chain in the middle.

Each step shows the message with its fields, and of the node that moves only what changed. At the end stand the property
that broke, its numbers, the rule that was off and the command that shows it again. Plain text, at most 100 columns.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import fields
from enum import Enum
from itertools import zip_longest

from boltproofs.explorer.invariants import step_of
from boltproofs.trace import Trace
from boltspec.channel import Channel
from boltspec.commitment import Commitment, View, balance, commitment, pending
from boltspec.feerates import Feerates
from boltspec.htlc import LOCAL, REMOTE, Htlc, Stage
from boltspec.ledger import Ledger
from boltspec.messages import (
    ChannelReestablish,
    CommitmentSigned,
    Message,
    RevokeAndAck,
    Signature,
    UpdateAddHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
)
from boltspec.party import incoming
from boltspec.properties.catalogue import CHANNEL_PROPERTIES, STEP_PROPERTIES, WORLD_PROPERTIES
from boltspec.rules import requirements, without
from boltspec.scenario import NAMES, Scenario
from boltspec.verdict import Rejected
from boltspec.world import Move, World

SIDE = 31
"""Width of the column of a node."""
MIDDLE = 34
"""Width of the column between them."""
WIDTH = 100
"""Width of a ladder."""


def ladder(trace: Trace, command: str | None = None) -> str:
    """Return the trace as text; ``command`` is what shows it again."""
    with without(trace.without):
        worlds = trace.worlds()
        steps = zip(worlds, trace.moves, worlds[1:], strict=False)
        body = [line for before, move, after in steps for line in _rung(trace.scenario, before, move, after)]
        end = _ending(trace, worlds)
    shown = f"again: {command or _search_command(trace)}"
    return "\n".join([*_heading(trace), "", *body, "", *end, shown])


def _search_command(trace: Trace) -> str:
    off = "".join(f" --without {rule}" for rule in sorted(trace.without))
    asked = f" --property {trace.property}" if trace.property else ""
    return f"boltspec explore {trace.scenario.name}{off}{asked}"


# --- heading ---


def _heading(trace: Trace) -> list[str]:
    scenario = trace.scenario
    lines = _wrapped(f"{scenario.name}: {scenario.title}", WIDTH)
    for rule in sorted(trace.without):
        row = requirements()[rule]
        lines += _wrapped(f"switched off: {rule} ({row.level}) {row.summary}", WIDTH)
    names = [
        f"{name} (corrupt)" if corrupt else name for name, corrupt in zip(NAMES, scenario.corrupt, strict=True)
    ]
    return [*lines, "", _row(names[0], "", names[1]), "-" * WIDTH]


# --- rungs ---


def _rung(scenario: Scenario, before: World, move: Move, after: World) -> list[str]:
    match move.action:
        case "send":
            sent = after.wires[move.party][len(before.wires[move.party]) :]
            middle = _arrow("; ".join(map(_message_text, sent)), move.party)
            if after.abuses < before.abuses:
                middle += " (forbidden)"
            changes = _changes(before, after, move.party)
        case "deliver":
            message = before.wires[1 - move.party][0]
            middle = _arrow(f"{_wire_name(message)} arrives", 1 - move.party)
            changes = _changes(before, after, move.party) or _rejection(scenario, before, move.party, message)
        case _:
            return _chain_rung(before, move, after)
    return _columns(changes if move.party == 0 else [], [middle], changes if move.party == 1 else [])


def _rejection(scenario: Scenario, before: World, party: int, message: Message) -> list[str]:
    verdict = incoming(scenario, party, before.nodes[party], message)
    if not isinstance(verdict, Rejected):
        return []
    return [f"rejected: {verdict.rule}", *(f"  {name} {value}" for name, value in verdict.numbers.items())]


def _chain_rung(before: World, move: Move, after: World) -> list[str]:
    ledger = after.ledger
    if move.action == "disconnect":
        lines = ["the connection is lost and made again"]
    elif move.action == "crash":
        lines = [f"{NAMES[move.party]} crashes and starts again"]
    elif move.action == "restore":
        lines = [f"{NAMES[move.party]} has lost its data since the channel was opened"]
    elif move.action == "mine":
        lines = [f"block {ledger.height}"]
    elif move.action == "publish":
        lines = [f"{NAMES[move.party]} publishes its {move.detail}", *_outputs(ledger)]
        if before.nodes[1 - move.party].remote_revocations > _closing_number(ledger):
            lines[0] += " (revoked)"
    else:
        index, kind, use = move.detail.split()
        amount = before.ledger.unspent[int(index)].output.amount_sat
        lines = [f"{NAMES[move.party]} spends {kind} by {use}", f"{amount} sat"]
    return [_row("", text, "") for text in _wrap_all([f"# {lines[0]}", *(f"  {line}" for line in lines[1:])], MIDDLE)]


def _closing_number(ledger: Ledger) -> int:
    assert ledger.closing is not None
    return ledger.closing.number


def _outputs(ledger: Ledger) -> list[str]:
    return [f"{entry.output.kind} {entry.output.amount_sat} sat" for entry in ledger.unspent]


def _arrow(text: str, sender: int) -> str:
    return f"{text} -->" if sender == 0 else f"<-- {text}"


def _wire_name(message: Message) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(message).__name__).lower()


def _message_text(message: Message) -> str:
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
                f"next commitment {message.next_commitment_number}, next revocation {message.next_revocation_number}, "
                f"secret {message.your_last_per_commitment_secret}"
            )
        case UpdateFailMalformedHtlc():
            shown = f"id {message.id}, failure_code {message.failure_code:#x}"
        case _:
            shown = f"id {message.id}"
    return f"{_wire_name(message)} ({shown})"


def _signatures_text(message: CommitmentSigned) -> str:
    def shown(signature: Signature) -> str:
        return "nothing" if signature.signed is None else f"{signature.signed.number}"

    text = f"signs {shown(message.signature)}, num_htlcs {message.num_htlcs}"
    if message.htlc_signatures != message.signature:
        text += f", HTLC signatures for {shown(message.htlc_signatures)}"
    return text


# --- what changed ---


def _changes(before: World, after: World, party: int) -> list[str]:
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


def _shown(value: object) -> object:
    return value.name if isinstance(value, Enum) else value


def _feerate_changes(old: Feerates, new: Feerates) -> list[str]:
    stages = [stage for stage in Stage if stage is not Stage.ABSENT and old.at(stage) != new.at(stage)]
    return [f"feerate from {stage.name} on: {new.at(stage).feerate_per_kw}" for stage in stages]


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


# --- ending ---


def _ending(trace: Trace, worlds: tuple[World, ...]) -> list[str]:
    if trace.property is None:
        return ["end of the trace"]
    sentence = next(
        entry.sentence
        for group in (CHANNEL_PROPERTIES, STEP_PROPERTIES, WORLD_PROPERTIES)
        for entry in group
        if entry.name == trace.property
    )
    lines = _wrapped(f"broken: {trace.property}. {sentence}", WIDTH)
    return [*lines, *(f"  {number}" for number in _numbers(trace, worlds))]


def _numbers(trace: Trace, worlds: tuple[World, ...]) -> list[str]:
    last = worlds[-1]
    if trace.property in {entry.name for entry in WORLD_PROPERTIES}:
        return _world_numbers(last)
    step = step_of(worlds[-2], trace.moves[-1], last, trace.scenario) if trace.moves else None
    node, name = (last.nodes[0], NAMES[0]) if step is None else (step.after, NAMES[trace.moves[-1].party])
    return _node_numbers(name, node)


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
        return [f"{NAMES[world.blame.receiver]} rejects what honest {NAMES[1 - world.blame.receiver]} sent:"
                f" {world.blame.rule}"]
    closing = world.ledger.closing
    if closing is None:
        return _both_views(world)
    owner, other = world.nodes[closing.owner], world.nodes[1 - closing.owner]
    lines = [
        f"on chain: commitment {closing.number} of {NAMES[closing.owner]}; revoked so far, as {NAMES[closing.owner]}"
        f" sees it: {owner.local_revocations}, as {NAMES[1 - closing.owner]} sees it: {other.remote_revocations}"
    ]
    for payment in world.ledger.paid:
        how = " by revocation" if payment.by_revocation else ""
        lines.append(f"{payment.kind} of {payment.amount_sat} sat went to {NAMES[payment.payee]}{how}")
    return lines


def _both_views(world: World) -> list[str]:
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


# --- layout ---


def _columns(left: list[str], middle: list[str], right: list[str]) -> list[str]:
    """Return rows of three columns, each wrapped to its width."""
    cells = (_wrap_all(left, SIDE), _wrap_all(middle, MIDDLE), _wrap_all(right, SIDE))
    return [_row(*cell) for cell in zip_longest(*cells, fillvalue="")]


def _wrap_all(texts: list[str], width: int) -> list[str]:
    return [line for text in texts for line in _wrapped(text, width)]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


def _row(left: str, middle: str, right: str) -> str:
    return f"{left:{SIDE}}| {middle:{MIDDLE}}| {right}".rstrip()
