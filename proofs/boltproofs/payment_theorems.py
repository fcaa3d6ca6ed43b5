"""Theorems about the last node of a payment: what it takes, and what its failures tell, for all numbers.

HTLC, payload and invoice have any numbers, and any of what a payload may lack; the payment secret is a number that a
prober does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from boltproofs.runs import Run, RunClaim, RunTheorem, Values, choose
from boltspec.final_node import MOST_OVERPAID, Asked, Failed, Failure, Incoming, Node, judge
from boltspec.units import Blocks, Height, Msat
from boltspec.verdict import Accepted

EITHER = (True, False)


class Payment(NamedTuple):
    """An HTLC at its recipient."""

    incoming: Incoming
    asked: Asked | None
    node: Node


def _optional(values: Values, name: str, unit: Callable[[Any], Any]) -> Any:
    return unit(values(name)) if choose(values, f"{name} is there", EITHER) else None


def _incoming(values: Values) -> Incoming:
    has_data = choose(values, "payment_data is there", EITHER)
    return Incoming(
        amount_msat=Msat(values("amount_msat")),
        cltv_expiry=Height(values("cltv_expiry")),
        is_final=choose(values, "is_final", EITHER),
        amt_to_forward=_optional(values, "amt_to_forward", Msat),
        outgoing_cltv_value=_optional(values, "outgoing_cltv_value", Height),
        payment_secret=values("payment_secret") if has_data else None,
        total_msat=Msat(values("total_msat")) if has_data else None,
        has_path_key=choose(values, "has_path_key", EITHER),
        remote_exposure_msat=Msat(values("remote_exposure_msat")),
        local_exposure_msat=Msat(values("local_exposure_msat")),
    )


def _asked(values: Values, name: str = "asked") -> Asked | None:
    if not choose(values, f"{name} is known", EITHER):
        return None
    return Asked(
        payment_secret=values(f"{name}.payment_secret"),
        amount_msat=_optional(values, f"{name}.amount_msat", Msat),
        min_final_cltv_expiry_delta=Blocks(values(f"{name}.min_final_cltv_expiry_delta")),
        expires_at=values(f"{name}.expires_at"),
    )


def _node(values: Values) -> Node:
    numbers = (values(name) for name in ("height", "now", "least_final_delta", "most_dust_exposure_msat"))
    height, now, least, most = numbers
    return Node(Height(height), now, Blocks(least), Msat(most))


# --- what is taken ---


def _taken(values: Values) -> Payment | None:
    node = replace(_node(values), is_defended=choose(values, "is_defended", EITHER))
    payment = Payment(_incoming(values), _asked(values), node)
    return payment if isinstance(judge(*payment), Accepted) else None


def _is_paid(payment: Payment) -> bool:
    """Say whether one HTLC pays all that an invoice asks for, no more than twice, by who knows the secret."""
    incoming, asked, _ = payment
    if asked is None or incoming.payment_secret is None or not incoming.is_final:
        return False
    if incoming.payment_secret != asked.payment_secret:
        return False
    amount = asked.amount_msat
    if amount is None:
        return True
    assert incoming.total_msat is not None
    return bool(incoming.amount_msat >= amount) and bool(incoming.total_msat <= amount * MOST_OVERPAID)


def _is_in_time(payment: Payment) -> bool:
    """Say whether the invoice is open, and the HTLC leaves the blocks that invoice and node ask for."""
    incoming, asked, node = payment
    if asked is None or node.now > asked.expires_at:
        return False
    left = incoming.cltv_expiry - node.height
    return bool(left >= asked.min_final_cltv_expiry_delta) and bool(left >= node.least_final_delta)


def _is_as_sent(payment: Payment) -> bool:
    """Say whether the payload is whole and plain, and the HTLC as it says, or better."""
    incoming = payment.incoming
    amount, expiry = incoming.amt_to_forward, incoming.outgoing_cltv_value
    if amount is None or expiry is None or incoming.has_path_key:
        return False
    return bool(incoming.amount_msat >= amount) and bool(incoming.cltv_expiry >= expiry)


def _is_bounded(payment: Payment) -> bool:
    """Say whether the HTLC leaves the dust in either commitment within the node's bound, and can be defended."""
    incoming, most = payment.incoming, payment.node.most_dust_exposure_msat
    if not payment.node.is_defended:
        return False
    return bool(incoming.remote_exposure_msat <= most) and bool(incoming.local_exposure_msat <= most)


# --- what is told ---


def _probed(values: Values) -> tuple[object, object] | None:
    """What somebody without the secret hears of a hash: with any invoice behind it, and with none."""
    incoming, node, asked = _incoming(values), _node(values), _asked(values)
    if asked is None or (incoming.payment_secret is not None and incoming.payment_secret == asked.payment_secret):
        return None
    return _heard(judge(incoming, asked, node)), _heard(judge(incoming, None, node))


def _heard(outcome: Accepted[Asked] | Failed) -> Failure | None:
    return outcome.failure if isinstance(outcome, Failed) else None


def _is_same(pair: tuple[Failure | None, Failure | None]) -> bool:
    return pair[0] is not None and pair[0] is pair[1]


def _whole(values: Values) -> Payment:
    """A payment that lacks nothing: as FinalNodeIsPaid has it, no other is taken."""
    names = ("amount_msat", "cltv_expiry", "amt_to_forward", "outgoing_cltv_value", "payment_secret", "total_msat")
    exposed = ("remote_exposure_msat", "local_exposure_msat")
    incoming = Incoming(**{name: values(name) for name in (*names, *exposed)})
    return Payment(incoming, _asked(values), _node(values))


Spoil = Callable[[Payment, Asked, Values], "Payment | None"]


def _spoiled(spoil: Spoil) -> Run:
    """What is heard when a payment that would be taken is changed in one way; the change must be one."""

    def run(values: Values) -> tuple[Failure | None] | None:
        right = _whole(values)
        if right.asked is None or not isinstance(judge(*right), Accepted):
            return None
        wrong = spoil(right, right.asked, values)
        return None if wrong is None else (_heard(judge(*wrong)),)

    return run


def _pays_less(right: Payment, asked: Asked, values: Values) -> Payment | None:
    less = Msat(values("less"))
    if asked.amount_msat is None or not less < asked.amount_msat:
        return None
    return right._replace(incoming=replace(right.incoming, amt_to_forward=less, total_msat=less))


def _pays_far_more(right: Payment, asked: Asked, values: Values) -> Payment | None:
    more = Msat(values("more"))
    if asked.amount_msat is None or not more > asked.amount_msat * MOST_OVERPAID:
        return None
    return right._replace(incoming=replace(right.incoming, amount_msat=more, amt_to_forward=more, total_msat=more))


def _is_unknown(right: Payment, _asked: Asked, _values: Values) -> Payment | None:
    return right._replace(asked=None)


def _has_wrong_secret(right: Payment, asked: Asked, values: Values) -> Payment | None:
    wrong = values("wrong secret")
    return None if wrong == asked.payment_secret else right._replace(
        incoming=replace(right.incoming, payment_secret=wrong)
    )  # fmt: skip


def _promises_parts(right: Payment, _asked: Asked, values: Values) -> Payment | None:
    total = Msat(values("total"))
    changed = total != right.incoming.amt_to_forward
    return right._replace(incoming=replace(right.incoming, total_msat=total)) if changed else None


def _comes_too_late(least: Callable[[Payment, Asked], Blocks]) -> Spoil:
    def spoil(right: Payment, asked: Asked, values: Values) -> Payment | None:
        later = replace(right.node, height=Height(values("later height")))
        late = right.incoming.cltv_expiry - later.height < least(right, asked)
        return right._replace(node=later) if late else None

    return spoil


def _asked_delta(_right: Payment, asked: Asked) -> Blocks:
    return asked.min_final_cltv_expiry_delta


def _own_delta(right: Payment, _asked: Asked) -> Blocks:
    return right.node.least_final_delta


def _comes_after_expiry(right: Payment, asked: Asked, values: Values) -> Payment | None:
    later = replace(right.node, now=values("later"))
    return right._replace(node=later) if later.now > asked.expires_at else None


def _loses_time(right: Payment, _asked: Asked, values: Values) -> Payment | None:
    meant = Height(values("meant expiry"))
    longer = meant > right.incoming.cltv_expiry
    return right._replace(incoming=replace(right.incoming, outgoing_cltv_value=meant)) if longer else None


def _loses_money(right: Payment, _asked: Asked, values: Values) -> Payment | None:
    short = Msat(values("short amount"))
    sent = right.incoming.amt_to_forward
    assert sent is not None
    return right._replace(incoming=replace(right.incoming, amount_msat=short)) if short < sent else None


def _goes_on(right: Payment, _asked: Asked, _values: Values) -> Payment | None:
    return right._replace(incoming=replace(right.incoming, is_final=False))


def _lacks_amount(right: Payment, _asked: Asked, _values: Values) -> Payment | None:
    return right._replace(incoming=replace(right.incoming, amt_to_forward=None))


def _lacks_expiry(right: Payment, _asked: Asked, _values: Values) -> Payment | None:
    return right._replace(incoming=replace(right.incoming, outgoing_cltv_value=None))


def _has_path_key(right: Payment, _asked: Asked, _values: Values) -> Payment | None:
    return right._replace(incoming=replace(right.incoming, has_path_key=True))


def _exposes(name: str) -> Spoil:
    def spoil(right: Payment, _asked: Asked, values: Values) -> Payment | None:
        exposed = Msat(values("exposed"))
        much = exposed > right.node.most_dust_exposure_msat
        incoming = replace(right.incoming, **{name: exposed})  # type: ignore[arg-type]
        return right._replace(incoming=incoming) if much else None

    return spoil


def _is_undefended(right: Payment, _asked: Asked, _values: Values) -> Payment | None:
    return right._replace(node=replace(right.node, is_defended=False))


def _told(label: str, spoil: Spoil, failure: Failure, *rules: str) -> RunClaim:
    return RunClaim(label, _spoiled(spoil), lambda heard: heard[0] is failure, rules)


UNKNOWN = Failure.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS
INVALID = Failure.INVALID_ONION_PAYLOAD
NUMBERS = ("amounts", "heights", "times", "deltas", "dust exposure", "payment secrets")
ENUMERATED = "what a payload may lack, whether an invoice is known and names an amount"

FINAL_NODE_IS_PAID = RunTheorem(
    name="FinalNodeIsPaid",
    sentence="A final node takes only what pays an open invoice in full, from who has seen it, with time to claim.",
    claims=(
        RunClaim("paid in full by who has the secret", _taken, _is_paid, (
            "D04-failure-messages-t-01", "B04-mpp-z-02", "B04-failure-messages-z-16", "B04-failure-messages-z-18",
            "B04-failure-messages-z-20", "B04-failure-messages-z-22",
        )),
        RunClaim("in time", _taken, _is_in_time,
                 ("B04-payload-z-09", "B04-failure-messages-z-24", "B11-payer-payee-v-01")),
        RunClaim("as it was sent", _taken, _is_as_sent,
                 ("B04-payload-d-13", "B04-payload-d-14", "B04-payload-z-07", "B04-payload-z-08")),
        RunClaim("no more at risk than is borne", _taken, _is_bounded,
                 ("B02-dust-exposure-r-01", "B02-dust-exposure-r-03", "D04-failure-messages-g-01")),
    ),
    unbounded=NUMBERS,
    bounded=ENUMERATED,
)  # fmt: skip

PROBER_LEARNS_NOTHING = RunTheorem(
    name="ProberLearnsNothing",
    sentence="Who does not know the payment secret hears the same whether the payment hash is known or not.",
    claims=(
        RunClaim("a wrong secret or none", _probed, _is_same, (
            "B04-failure-messages-z-16", "B04-failure-messages-z-17", "B04-failure-messages-z-20",
            "B04-failure-messages-z-21",
        )),
    ),
    unbounded=NUMBERS,
    bounded=ENUMERATED,
)  # fmt: skip

FAILURE_IS_PRESCRIBED = RunTheorem(
    name="FailureIsPrescribed",
    sentence="A payment that would be taken, changed in one way, is failed with the code that the BOLT prescribes.",
    claims=(
        _told("a wrong secret", _has_wrong_secret, UNKNOWN, "B04-failure-messages-z-16", "B04-failure-messages-z-17"),
        _told("less than was asked for", _pays_less, UNKNOWN, "B04-failure-messages-z-18", "B04-failure-messages-z-19"),
        _told("an unknown hash", _is_unknown, UNKNOWN, "B04-failure-messages-z-20", "B04-failure-messages-z-21"),
        _told("more than twice", _pays_far_more, UNKNOWN, "B04-failure-messages-z-22", "B04-failure-messages-z-23"),
        _told("less time than the invoice asks for", _comes_too_late(_asked_delta),
              UNKNOWN, "B04-payload-z-09", "B04-failure-messages-z-25"),
        _told("less time than the node needs", _comes_too_late(_own_delta),
              UNKNOWN, "B04-failure-messages-z-24", "B04-failure-messages-z-25"),
        _told("an expired invoice", _comes_after_expiry, UNKNOWN, "B11-payer-payee-v-01", "D11-payer-payee-v-01"),
        _told("a part of a payment", _promises_parts, UNKNOWN, "B04-mpp-z-02", "D04-mpp-z-01"),
        _told("less time than was sent", _loses_time, Failure.FINAL_INCORRECT_CLTV_EXPIRY,
              "B04-payload-z-08", "B04-failure-messages-z-26"),
        _told("less money than was sent", _loses_money, Failure.FINAL_INCORRECT_HTLC_AMOUNT,
              "B04-payload-z-07", "B04-failure-messages-z-27"),
        _told("an onion that goes on", _goes_on, Failure.UNKNOWN_NEXT_PEER,
              "D04-failure-messages-t-01", "B04-failure-messages-t-10"),
        _told("no amount", _lacks_amount, INVALID, "B04-payload-d-14", "B04-failure-messages-g-06"),
        _told("no expiry", _lacks_expiry, INVALID, "B04-payload-d-14", "B04-failure-messages-g-06"),
        _told("a path key", _has_path_key, INVALID, "B04-payload-d-13", "B04-failure-messages-g-06"),
        _told("dust of the peer's", _exposes("remote_exposure_msat"), Failure.TEMPORARY_NODE_FAILURE,
              "B02-dust-exposure-r-01", "B04-failure-messages-g-07"),
        _told("dust of our own", _exposes("local_exposure_msat"), Failure.TEMPORARY_NODE_FAILURE,
              "B02-dust-exposure-r-03", "B04-failure-messages-g-07"),
        _told("no coins to defend it", _is_undefended, Failure.TEMPORARY_NODE_FAILURE,
              "D04-failure-messages-g-01", "B04-failure-messages-g-07"),
    ),
    unbounded=NUMBERS,
    bounded=ENUMERATED,
)  # fmt: skip

PAYMENT_THEOREMS: tuple[RunTheorem, ...] = (FINAL_NODE_IS_PAID, PROBER_LEARNS_NOTHING, FAILURE_IS_PRESCRIBED)
"""All theorems about the last node of a payment."""
