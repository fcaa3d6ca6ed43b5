"""What the last node of a payment answers to an HTLC (BOLT 4, Payload Format, Failure Messages; BOLT 11, Payee).

Once an HTLC of the peer is irrevocably committed its recipient either claims it, with the preimage of an invoice, or
fails it with a code that travels back to the payer. Where several codes fit, the one that comes first in the BOLT's
list is returned (B04-failure-messages-g-05). Whoever does not know the payment secret learns nothing from the code:
all that depends on the invoice is answered with one and the same.

Abstracted away: onion and failure as bytes. Secrets are numbers here that are equal if the bytes are. Left out:
payments in parts and blinded paths, which no invoice of this node offers, and forwarding: a node that has no other
channel knows no next peer. Read :mod:`boltspec.update` for how an HTLC comes and goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from boltspec.rules import RuleBroken, duty, require, step_ended
from boltspec.units import Blocks, Height, Msat
from boltspec.verdict import Accepted

MOST_OVERPAID = 2
"""Of how many times the amount that was asked for more is not taken (B04-failure-messages-z-22)."""
AMOUNT_TYPE, EXPIRY_TYPE, PATH_KEY_TYPE = 2, 4, 12
"""TLV types of ``amt_to_forward``, ``outgoing_cltv_value`` and ``current_path_key`` in a payload."""


class Failure(StrEnum):
    """The codes that this node returns, in the order of BOLT 4.

    None of those is among them that a final node must not return (B04-failure-messages-z-01 to -z-13) but
    ``unknown_next_peer``, which is returned only where the onion says that the node is not the last.
    """

    TEMPORARY_NODE_FAILURE = "temporary_node_failure"
    PERMANENT_NODE_FAILURE = "permanent_node_failure"
    UNKNOWN_NEXT_PEER = "unknown_next_peer"
    INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS = "incorrect_or_unknown_payment_details"
    FINAL_INCORRECT_CLTV_EXPIRY = "final_incorrect_cltv_expiry"
    FINAL_INCORRECT_HTLC_AMOUNT = "final_incorrect_htlc_amount"
    INVALID_ONION_PAYLOAD = "invalid_onion_payload"


UNKNOWN = Failure.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS

PRESCRIBED: Mapping[str, tuple[str, Failure]] = MappingProxyType(
    {
        "B02-dust-exposure-r-01": ("B04-failure-messages-g-07", Failure.TEMPORARY_NODE_FAILURE),
        "B02-dust-exposure-r-03": ("B04-failure-messages-g-07", Failure.TEMPORARY_NODE_FAILURE),
        "D04-failure-messages-g-01": ("B04-failure-messages-g-07", Failure.TEMPORARY_NODE_FAILURE),
        "D04-failure-messages-t-01": ("B04-failure-messages-t-10", Failure.UNKNOWN_NEXT_PEER),
        "B04-payload-d-13": ("B04-failure-messages-g-06", Failure.INVALID_ONION_PAYLOAD),
        "B04-payload-d-14": ("B04-failure-messages-g-06", Failure.INVALID_ONION_PAYLOAD),
        "B04-mpp-z-02": ("D04-mpp-z-01", UNKNOWN),
        "B04-failure-messages-z-16": ("B04-failure-messages-z-17", UNKNOWN),
        "B04-failure-messages-z-18": ("B04-failure-messages-z-19", UNKNOWN),
        "B04-failure-messages-z-20": ("B04-failure-messages-z-21", UNKNOWN),
        "B04-failure-messages-z-22": ("B04-failure-messages-z-23", UNKNOWN),
        "B04-payload-z-09": ("B04-failure-messages-z-25", UNKNOWN),
        "B04-failure-messages-z-24": ("B04-failure-messages-z-25", UNKNOWN),
        "B11-payer-payee-v-01": ("D11-payer-payee-v-01", UNKNOWN),
        "B04-payload-z-08": ("B04-failure-messages-z-26", Failure.FINAL_INCORRECT_CLTV_EXPIRY),
        "B04-payload-z-07": ("B04-failure-messages-z-27", Failure.FINAL_INCORRECT_HTLC_AMOUNT),
    }
)
"""For each reason to fail an HTLC the requirement that says with which code, and the code."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An HTLC that is irrevocably committed, with what its onion says."""

    amount_msat: Msat
    cltv_expiry: Height
    is_final: bool = True
    """The onion has no further hop in it."""
    amt_to_forward: Msat | None = None
    """None if the payload does not have it, or cannot be read at all."""
    outgoing_cltv_value: Height | None = None
    payment_secret: int | None = None
    """None without ``payment_data``."""
    total_msat: Msat | None = None
    """From ``payment_data``."""
    has_path_key: bool = False
    """The payload has a ``current_path_key``, though it is no part of a blinded path."""
    remote_exposure_msat: Msat = Msat(0)  # noqa: RUF009  # a plain integer
    """Dust that the HTLC makes of the peer's commitment (:class:`boltspec.htlc.Htlc`)."""
    local_exposure_msat: Msat = Msat(0)  # noqa: RUF009  # a plain integer
    """The same of our own."""

    @property
    def paid_msat(self) -> Msat | None:
        """The amount paid: what the payer says that all parts are together (B04-payload-z-06)."""
        return self.amt_to_forward if self.total_msat is None else self.total_msat


@dataclass(frozen=True, slots=True)
class Asked:
    """The invoice of a payment hash. One that is paid counts as none at all (B04-failure-messages-z-14)."""

    payment_secret: int
    amount_msat: Msat | None
    """None if the payer chooses."""
    min_final_cltv_expiry_delta: Blocks
    expires_at: int
    """The last second, since 1970, at which a payment is taken."""


@dataclass(frozen=True, slots=True)
class Node:
    """What the recipient goes by."""

    height: Height
    now: int
    """Seconds since 1970."""
    least_final_delta: Blocks
    """An expiry is unreasonably near with fewer blocks to go: more than 2R+G+S, with which the channel has to be failed
    (:mod:`boltspec.chain.deadlines`).

    AMBIGUOUS: unreasonably-near: what an invoice asks for is binding as well, but an old invoice may ask for less than
    the node needs by now.
    """
    most_dust_exposure_msat: Msat
    is_defended: bool = True
    """The wallet has the coins to have the HTLC's transactions confirmed (:mod:`boltspec.chain.fee_reserve`), or the
    node is content without."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The HTLC is to be failed."""

    rule: str
    failure: Failure
    numbers: dict[str, object] = field(default_factory=dict, compare=False)


def judge(incoming: Incoming, asked: Asked | None, node: Node) -> Accepted[Asked] | Failed:
    """Say which invoice an HTLC pays, or with which code it is failed. ``asked`` is what is known of its hash."""
    try:
        _require_readable(incoming, node)
        found = _require_payment(incoming, asked)
        _require_time(incoming, asked, node)
        _require_as_sent(incoming)
    except RuleBroken as broken:
        step_ended(broken.rule)
        return Failed(broken.rule, failure_for(broken.rule), broken.numbers)
    step_ended(None)
    return found


def failure_for(rule: str) -> Failure:
    """Return the code for a reason to fail an HTLC; without the requirement that names it the node says the least."""
    prescribing, failure = PRESCRIBED[rule]
    return failure if duty(prescribing) else Failure.PERMANENT_NODE_FAILURE


def _require_readable(incoming: Incoming, node: Node) -> None:
    """What is to be failed whatever it pays."""
    exposed, most = incoming.remote_exposure_msat, node.most_dust_exposure_msat
    require(exposed <= most, "B02-dust-exposure-r-01", exposed_msat=exposed)
    exposed = incoming.local_exposure_msat
    require(exposed <= most, "B02-dust-exposure-r-03", exposed_msat=exposed)
    require(node.is_defended, "D04-failure-messages-g-01")
    require(incoming.is_final, "D04-failure-messages-t-01")
    require(not incoming.has_path_key, "B04-payload-d-13", type=PATH_KEY_TYPE)
    require(incoming.amt_to_forward is not None, "B04-payload-d-14", type=AMOUNT_TYPE)
    require(incoming.outgoing_cltv_value is not None, "B04-payload-d-14", type=EXPIRY_TYPE)


def _require_payment(incoming: Incoming, asked: Asked | None) -> Accepted[Asked]:
    """One HTLC that pays all of what was asked for, from somebody who has seen the invoice (B04-mpp-z-01)."""
    paid, sent = incoming.paid_msat, incoming.amt_to_forward
    # AMBIGUOUS: total-without-parts: no code is named for it; it is a payment that nobody asked for.
    require(sent is None or paid == sent, "B04-mpp-z-02", total_msat=paid, amt_to_forward=sent)
    secret = incoming.payment_secret
    knows = asked is None or (secret is not None and secret == asked.payment_secret)
    require(knows, "B04-failure-messages-z-16")
    least = Msat(0) if asked is None or asked.amount_msat is None else asked.amount_msat
    require(_or_nothing(paid) >= least, "B04-failure-messages-z-18", paid_msat=paid, amount_msat=least)
    require(asked is not None, "B04-failure-messages-z-20")
    open_amount = asked is None or asked.amount_msat is None
    gross = not open_amount and _or_nothing(paid) > least * MOST_OVERPAID
    require(not gross, "B04-failure-messages-z-22", paid_msat=paid, amount_msat=least)
    return Accepted(asked)  # type: ignore[arg-type]  # None only where z-20 is switched off


def _require_time(incoming: Incoming, asked: Asked | None, node: Node) -> None:
    """Blocks enough to claim the HTLC on chain, and an invoice that has not expired."""
    left = incoming.cltv_expiry - node.height
    delta = Blocks(0) if asked is None else asked.min_final_cltv_expiry_delta
    require(left >= delta, "B04-payload-z-09", left=left, min_final_cltv_expiry_delta=delta)
    require(left >= node.least_final_delta, "B04-failure-messages-z-24", left=left, least=node.least_final_delta)
    # AMBIGUOUS: expired-invoice: no code is named for it; an expired invoice is one that is not known any more.
    require(asked is None or node.now <= asked.expires_at, "B11-payer-payee-v-01", now=node.now)


def _require_as_sent(incoming: Incoming) -> None:
    """No node on the way has kept time or money that the payer meant for us."""
    expiry, meant = incoming.cltv_expiry, incoming.outgoing_cltv_value
    require(meant is None or expiry >= meant, "B04-payload-z-08", cltv_expiry=expiry, outgoing_cltv_value=meant)
    amount, sent = incoming.amount_msat, incoming.amt_to_forward
    require(sent is None or amount >= sent, "B04-payload-z-07", amount_msat=amount, amt_to_forward=sent)


def _or_nothing(amount: Msat | None) -> Msat:
    return Msat(0) if amount is None else amount
