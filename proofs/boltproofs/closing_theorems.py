"""Theorems about cooperative close: what the transaction pays, for all balances, fees and dust limits.

The goals say in one piece what a transaction has to be, and do not use the functions that build it.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import NamedTuple

from boltproofs.closing_states import (
    STRANGER,
    UNKNOWN_FORM,
    fee_range,
    legacy_closing,
    peer_of,
    policy,
    simple_closing,
    stolen,
    taken,
)
from boltproofs.negotiation_theorems import NEGOTIATION_THEOREMS
from boltproofs.runs import RunClaim, RunTheorem, Values, choose
from boltproofs.shutdown_theorems import SHUTDOWN_THEOREMS
from boltspec.closing import legacy, simple
from boltspec.closing.messages import ClosingComplete, ClosingSig, ClosingSignature, ClosingSigned, ClosingTlvs
from boltspec.closing.scripts import Form, Script, dust_threshold
from boltspec.closing.state import Closing
from boltspec.closing.transaction import ClosingDetails, ClosingTx, Variant
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.units import Sat

UNBOUNDED = ("balances", "fees", "dust limits", "fee ranges")
ONLY_CLOSER, ONLY_CLOSEE, BOTH = Variant
NOTHING = ClosingSignature(None)


class Signed(NamedTuple):
    """A transaction that got a signature, or two, and what was to be paid for it."""

    node: Closing
    tx: ClosingTx | None
    fee: Sat
    payer: Side
    """Who pays the fee."""
    signer: Side
    """Who signed first, and may thus have left its own output out."""


def _due(signed: Signed, side: Side) -> Sat:
    """Return what a side has to get: whole satoshis of its balance, less the fee if it pays it."""
    channel = signed.node.channel
    balance = channel.local_msat if side is LOCAL else channel.remote_msat
    whole = Sat(balance // 1000)
    return whole - signed.fee if side is signed.payer else whole


def _pays_each_its_due(signed: Signed) -> bool:
    """Say whether every output pays one side its due, to its script, no side twice, and nobody else anything."""
    if signed.tx is None:
        return False
    left = {LOCAL, REMOTE}
    for amount, script in signed.tx.payouts:
        side = next((one for one in left if signed.node.scripts[one] == script), None)
        if side is None or amount != _due(signed, side) or amount < _dust_limit(signed):
            return False
        left.remove(side)
    return all(_may_be_left_out(signed, side) for side in left)


def _value(script: Script, due: Sat) -> Sat:
    return Sat(0) if script.form is Form.OP_RETURN else due


def _dust_limit(signed: Signed) -> Sat:
    params = signed.node.channel.params
    return (params.local if signed.signer is LOCAL else params.remote).dust_limit_satoshis


def _may_be_left_out(signed: Signed, side: Side) -> bool:
    """Say whether the output of a side may be missing: its owner left it out, or the signer's dust limit does."""
    return side is signed.signer or _due(signed, side) < _dust_limit(signed)


# --- legacy ---


def _payer(node: Closing) -> Side:
    return node.channel.params.opener


def _signs_fee(values: Values) -> Signed | None:
    """The node sends a ``closing_signed`` with any signature."""
    node, fee = replace(legacy_closing(values), turn=LOCAL), values("fee")
    tx = choose(values, "signed", (legacy.transaction(node, fee, LOCAL), stolen(node, REMOTE)))
    message = ClosingSigned(fee, ClosingSignature(tx))
    if taken(legacy.send_closing_signed(node, message)) is None:
        return None
    return Signed(node, tx, fee, _payer(node), LOCAL)


def _built(values: Values) -> Signed | None:
    """The transaction for a fee as either side signs it, with or without its own output."""
    node, fee, signer = legacy_closing(values), values("fee"), choose(values, "signer", tuple(Side))
    tx = legacy.transaction(node, fee, signer, own_output=choose(values, "own_output", (True, False)))
    return None if tx is None else Signed(node, tx, fee, _payer(node), signer)


class Agreed(NamedTuple):
    """What a node that has proposed a fee publishes on the peer's answer."""

    node: Closing
    answer: ClosingSigned
    published: ClosingTx


def _takes_fee(values: Values) -> Agreed | None:
    """The node has proposed and gets a ``closing_signed`` with any signature."""
    ours, theirs, fee = fee_range(values, "sent"), fee_range(values, "theirs"), values("fee")
    announces, sent_range, received_range = choose(
        values, "ranges", ((True, ours, theirs), (True, ours, None), (False, None, None))
    )
    node = replace(legacy_closing(values), turn=REMOTE, sent=ClosingSigned(values("sent"), NOTHING, sent_range))
    node = replace(node, policy=replace(node.policy, sends_fee_range=announces))
    kind = choose(values, "signature", ("whole", "without own output", "high S", "theft"))
    tx = legacy.transaction(node, fee, REMOTE, own_output=kind != "without own output")
    signature = ClosingSignature(stolen(node, REMOTE) if kind == "theft" else tx, low_s=kind != "high S")
    answer = ClosingSigned(fee, signature, received_range)
    after = taken(legacy.receive_closing_signed(node, answer))
    return None if after is None or not after.published else Agreed(node, answer, after.published[0])


def _is_what_both_signed_for(agreed: Agreed) -> bool:
    """Say whether the peer signed that transaction, and the node has said that it would pay that fee."""
    sent, fee, signature = agreed.node.sent, agreed.answer.fee_satoshis, agreed.answer.signature
    if sent is None or not signature.low_s or signature.signed != agreed.published:
        return False
    announced = sent.fee_range
    inside = announced is not None and announced.min_fee_satoshis <= fee <= announced.max_fee_satoshis
    return inside or fee == sent.fee_satoshis


def _repeats_fee(values: Values) -> Agreed | None:
    """The node answers a fee that the peer has signed for, with that fee or another."""
    node, fee = replace(legacy_closing(values), turn=LOCAL), values("received")
    signed = legacy.transaction(node, fee, REMOTE)
    theirs = choose(values, "range", (None, fee_range(values, "theirs")))
    received = ClosingSigned(fee, ClosingSignature(signed), theirs)
    answer = ClosingSigned(values("fee"), ClosingSignature(legacy.transaction(node, values("fee"), LOCAL)))
    after = taken(legacy.send_closing_signed(replace(node, received=received), answer))
    if after is None or not after.published:
        return None
    return Agreed(replace(node, sent=answer), received, after.published[0])


class Twice(NamedTuple):
    """The transaction as both nodes build it."""

    first: ClosingTx | None
    second: ClosingTx | None


def _built_by_both(values: Values) -> Twice:
    node, fee = legacy_closing(values), values("fee")
    peer = peer_of(node, node.policy)
    own_output, signer = choose(values, "own_output", (True, False)), choose(values, "signer", tuple(Side))
    return Twice(
        legacy.transaction(node, fee, signer, own_output=own_output),
        legacy.transaction(peer, fee, signer.other, own_output=own_output),
    )


def _are_the_same(built: Twice) -> bool:
    return built.first == built.second


LEGACY_CLOSE_CORRECT = RunTheorem(
    name="LegacyCloseCorrect",
    sentence="closing_signed pays each side its balance, the funder less the agreed fee, to its script; nobody else.",
    claims=(
        RunClaim("the transaction for a fee", _built, _pays_each_its_due,
                 ("B03-legacy-closing-tx-s-02", "B03-legacy-closing-tx-s-03")),
        RunClaim("both nodes build the same", _built_by_both, _are_the_same),
        RunClaim("what a node signs", _signs_fee, _pays_each_its_due, ("B02-closing-signed-s-04",)),
        RunClaim("what a node publishes when it gets a fee", _takes_fee, _is_what_both_signed_for,
                 ("B02-closing-signed-r-01",)),
        RunClaim("what a node publishes when it repeats a fee", _repeats_fee, _is_what_both_signed_for),
    ),
    unbounded=UNBOUNDED,
    bounded="two script forms; a signature is for the right transaction, for a theft, or for nothing",
)  # fmt: skip


# --- option_simple_close ---


OFFERS = ((), (ONLY_CLOSER,), (ONLY_CLOSEE,), (BOTH,), (ONLY_CLOSER, BOTH), tuple(Variant))
"""Variants that a ``closing_complete`` may sign for: none, each one, the two that the party with more offers, all."""
LAWFUL_OFFERS = OFFERS[1:5]
"""Those that the rules of the sender can let pass."""


class Flaw(Enum):
    """What may be wrong with a message of the negotiation."""

    NONE = "nothing"
    FROM = "a script of the closer that is not permitted"
    TO = "a script of the closee that is not its own"
    HIGH_S = "signatures that are not relayed"
    THEFT = "signatures for a theft"


def _details(closer_script: Script | None, closee_script: Script | None, fee: Sat, flaw: Flaw) -> ClosingDetails:
    closer = UNKNOWN_FORM if flaw is Flaw.FROM or closer_script is None else closer_script
    return ClosingDetails(closer, STRANGER if flaw is Flaw.TO or closee_script is None else closee_script, fee)


def _tlvs(
    node: Closing, closer: Side, details: ClosingDetails, variants: tuple[Variant, ...], flaw: Flaw
) -> ClosingTlvs:
    """Return signatures for some variants, with a flaw perhaps."""
    if flaw is Flaw.THEFT:
        theft = ClosingSignature(stolen(node, closer.other))
        return ClosingTlvs(**{one.value: theft for one in variants})
    right = simple.signatures(node, closer, details, variants)
    if flaw is Flaw.HIGH_S:
        spoilt = {one.value: replace(sig, low_s=False) for one in variants if (sig := right.of(one)) is not None}
        return ClosingTlvs(**spoilt)
    return right


class Proposal(NamedTuple):
    """What a closer has signed."""

    node: Closing
    message: ClosingComplete


def _proposes(values: Values) -> Proposal | None:
    """The node sends any ``closing_complete``."""
    node = simple_closing(values)
    flaw = choose(values, "flaw", tuple(Flaw))
    details = _details(node.local_script, node.remote_script, values("fee"), flaw)
    message = ClosingComplete(details, _tlvs(node, LOCAL, details, choose(values, "variants", OFFERS), flaw))
    return None if taken(simple.send_closing_complete(node, message)) is None else Proposal(node, message)


def _costs_no_more_than_the_fee(proposal: Proposal) -> bool:
    """Say whether each transaction that a closer signs pays both their due, and leaves out only what may be."""
    node, (details, tlvs) = proposal.node, (proposal.message.details, proposal.message.tlvs)
    channel, fee = node.channel, details.fee_satoshis
    if fee > Sat(channel.local_msat // 1000):
        return False
    for variant in tlvs.present:
        signature = tlvs.of(variant)
        signed = Signed(node, signature.signed if signature else None, fee, LOCAL, LOCAL)
        outputs = _paid(variant, LOCAL)
        if signature is None or not signature.low_s or not _pays(signed, outputs) or not _is_relayed(signed):
            return False
        has_less = channel.local_msat < channel.remote_msat
        if (variant is ONLY_CLOSEE and not has_less) or (variant is ONLY_CLOSER and has_less):
            return False
    return bool(tlvs.present)


def _paid(variant: Variant, closer: Side) -> set[Side]:
    """Return whom a variant pays."""
    return {ONLY_CLOSER: {closer}, ONLY_CLOSEE: {closer.other}, BOTH: set(Side)}[variant]


def _pays(signed: Signed, outputs: set[Side]) -> bool:
    """Say whether the transaction pays exactly these sides, each its due and to its script."""
    if signed.tx is None or len(signed.tx.payouts) != len(outputs):
        return False
    return all(
        any(script == signed.node.scripts[side] and amount == _value(script, _due(signed, side))
            for amount, script in signed.tx.payouts)
        for side in outputs
    )  # fmt: skip


def _is_relayed(signed: Signed) -> bool:
    payouts = signed.tx.payouts if signed.tx is not None else ()
    return all(payout.amount_sat >= dust_threshold(payout.script) for payout in payouts)


class Countersigned(NamedTuple):
    """What a closee has published and answered."""

    before: Closing
    message: ClosingComplete
    after: Closing


def _countersigns(values: Values) -> Countersigned | None:
    """The node gets any ``closing_complete``."""
    node = simple_closing(values)
    flaw = choose(values, "flaw", tuple(Flaw))
    details = _details(node.remote_script, node.local_script, values("fee"), flaw)
    message = ClosingComplete(details, _tlvs(node, REMOTE, details, choose(values, "variants", OFFERS), flaw))
    after = taken(simple.receive_closing_complete(node, message))
    return None if after is None else Countersigned(node, message, after)


def _closee_gets_everything(done: Countersigned) -> bool:
    """Say whether the closee keeps its whole balance, unless that is dust or worth too little to it."""
    node, details, answer = done.before, done.message.details, done.after.owed
    published = done.after.published
    if answer is None or not published or details.closee_scriptpubkey != node.local_script:
        return False
    (variant,) = answer.tlvs.present
    signed = Signed(node, published[0], details.fee_satoshis, REMOTE, REMOTE)
    offered, given = done.message.tlvs.of(variant), answer.tlvs.of(variant)
    if offered is None or given is None or not offered.low_s:
        return False
    both = offered.signed == given.signed == published[0]
    own, script = _due(signed, LOCAL), details.closee_scriptpubkey
    worthless = own < dust_threshold(script) or own < node.policy.uneconomical_satoshis
    paid = _paid(variant, REMOTE)
    return both and _pays(signed, paid) and (LOCAL in paid or worthless)


class Finished(NamedTuple):
    """What a closer has published."""

    node: Closing
    proposed: ClosingComplete
    answer: ClosingSig
    after: Closing


def _gets_answer(values: Values) -> Finished | None:
    """The node has proposed, and gets any ``closing_sig``."""
    node = simple_closing(values)
    flaw = choose(values, "flaw", tuple(Flaw))
    details = _details(node.local_script, node.remote_script, values("fee"), Flaw.NONE)
    offered = choose(values, "offered", LAWFUL_OFFERS)
    proposed = ClosingComplete(details, ClosingTlvs(**{variant.value: NOTHING for variant in offered}))
    asked = _details(node.local_script, node.remote_script, values("answered fee"), flaw)
    tlvs = _tlvs(node, LOCAL, asked, choose(values, "variants", OFFERS), flaw)
    answer = ClosingSig(asked, tlvs)
    after = taken(simple.receive_closing_sig(replace(node, proposed=proposed), answer))
    return None if after is None or not after.published else Finished(node, proposed, answer, after)


def _closer_pays_what_it_proposed(done: Finished) -> bool:
    """Say whether exactly one of the proposed transactions is published, with a good signature."""
    details, offered, present = done.proposed.details, done.proposed.tlvs, done.answer.tlvs.present
    signed = Signed(done.node, done.after.published[0], details.fee_satoshis, LOCAL, REMOTE)
    if len(present) != 1 or present[0] not in offered.present or len(done.after.published) != 1:
        return False
    answer = done.answer.tlvs.of(present[0])
    good = answer is not None and answer.low_s and answer.signed == signed.tx
    return good and _pays(signed, _paid(present[0], LOCAL))


def _closes(values: Values) -> tuple[Closing | None, Closing | None] | None:
    """The node proposes what its rules ask for, and the peer, whose own wishes differ, answers."""
    node = simple_closing(values)
    peer = peer_of(node, policy(values, "theirs", node.remote_script or STRANGER))
    details = ClosingDetails(node.local_script or STRANGER, node.remote_script or STRANGER, values("fee"))
    message = ClosingComplete(details, simple.offer(node, details))
    closer = taken(simple.send_closing_complete(node, message))
    if closer is None:
        return None
    closee = taken(simple.receive_closing_complete(peer, message))
    if closee is None or closee.owed is None:
        return closer, closee
    answer = closee.owed
    return taken(simple.receive_closing_sig(closer, answer)), taken(simple.send_closing_sig(closee, answer))


def _both_publish_the_same(nodes: tuple[Closing | None, Closing | None]) -> bool:
    closer, closee = nodes
    if closer is None or closee is None:
        return False
    return len(closer.published) == 1 and closer.published == closee.published and closer.proposed is None


SIMPLE_CLOSE_CORRECT = RunTheorem(
    name="SimpleCloseCorrect",
    sentence="With closing_complete the closer pays just its fee and the closee nothing; both publish the same.",
    claims=(
        RunClaim("what a closer signs", _proposes, _costs_no_more_than_the_fee, (
            "B02-closing-complete-c-03", "B02-closing-complete-c-04", "B02-closing-complete-c-06",
            "B02-closing-complete-c-09", "B02-closing-complete-c-16", "B02-closing-complete-c-17",
            "B02-closing-complete-c-18", "B02-channel-close-b-01", "B03-closing-tx-s-02", "B03-closing-tx-s-03",
            "B02-closing-complete-c-11",
        )),
        RunClaim("what a closee publishes and signs", _countersigns, _closee_gets_everything, (
            "B02-closing-complete-k-02", "B02-closing-complete-k-08", "B02-closing-complete-k-14",
            "B02-closing-complete-k-15", "B02-closing-complete-k-16", "B02-closing-complete-k-17",
        )),
        RunClaim("what a closer publishes", _gets_answer, _closer_pays_what_it_proposed, (
            "B02-closing-complete-c-21", "B02-closing-complete-c-22", "B02-closing-complete-c-23",
            "B02-closing-complete-c-24", "B02-closing-complete-c-25",
        )),
        RunClaim("a lawful proposal closes the channel for both", _closes, _both_publish_the_same, (
            "B02-closing-complete-k-10", "B02-closing-complete-k-12", "B02-closing-complete-c-26",
        )),
    ),
    unbounded=("balances", "fees", "what an output is worth to a node"),
    bounded="a usual script of each side or OP_RETURN; signatures are right, not low-S, or for a theft; one proposal",
)  # fmt: skip

CLOSING_THEOREMS: tuple[RunTheorem, ...] = (
    LEGACY_CLOSE_CORRECT, SIMPLE_CLOSE_CORRECT, *NEGOTIATION_THEOREMS, *SHUTDOWN_THEOREMS,
)  # fmt: skip
"""All theorems about cooperative close."""
