"""TxWellFormed for real: with 483 HTLCs each way all is valid, standard, and as heavy as the model says."""

from __future__ import annotations

from typing import Any

import pytest

from boltchain.bitcoind import BitcoindChain
from boltchain.embedded import EmbeddedChain
from boltchain.server.standard import input_scripts, nonstandard_inputs_reason, nonstandard_reason
from boltchain.transaction import Output, parse_transaction
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.largest import Trial, Weighed
from boltspec.params import MAX_ACCEPTED_HTLCS
from boltspec.weights import MAX_STANDARD_WEIGHT, penalty_weight

TOO_HEAVY = "tx-size"
PAYS_NOTHING = "min relay fee not met"

any_format = pytest.mark.parametrize("option_anchors", [True, False], ids=["anchors", "no anchors"])


def reasons(kind: Weighed) -> set[str | None]:
    """Why Bitcoin Core would not relay transactions of a kind, whatever they pay; None for those that it would."""
    found = set()
    for transaction, spent in zip(kind.transactions, kind.spent, strict=True):
        parsed = parse_transaction(transaction.serialize())
        scripts = input_scripts(parsed)
        outputs = [Output(output.amount_sat, output.script_pubkey) for output in spent]
        found.add(nonstandard_reason(parsed, scripts) or nonstandard_inputs_reason(scripts, outputs))
    return found


@any_format
def test_all_are_valid_and_standard_and_weigh_what_the_model_says(option_anchors: bool) -> None:
    with EmbeddedChain() as chain:
        largest = Trial(chain, option_anchors=option_anchors).run()
    assert {reason for kind in largest.kinds for reason in reasons(kind)} == {None}
    assert [len(kind.transactions) for kind in largest.kinds] == [1, 1, MAX_ACCEPTED_HTLCS, MAX_ACCEPTED_HTLCS]
    assert len(largest.penalty.transactions[0].inputs) == 2 * MAX_ACCEPTED_HTLCS + 2
    assert largest.penalty.modelled == (399_297 if option_anchors else 396_395)
    assert max(kind.weight for kind in largest.kinds) == largest.penalty.weight <= MAX_STANDARD_WEIGHT


def test_one_htlc_more_each_way_makes_a_penalty_that_the_model_calls_too_heavy() -> None:
    each = MAX_ACCEPTED_HTLCS + 1
    with EmbeddedChain() as chain:
        largest = Trial(chain, option_anchors=True, each=each).run()
    assert largest.penalty.modelled == penalty_weight(True, each, each) > MAX_STANDARD_WEIGHT


def test_a_penalty_of_more_than_the_limit_is_not_standard() -> None:
    """Real signatures are shorter than they could be: a few HTLCs more are needed to be too heavy for real."""
    with EmbeddedChain() as chain:
        largest = Trial(chain, option_anchors=True, each=MAX_ACCEPTED_HTLCS + 5).run()
    assert largest.penalty.weight > MAX_STANDARD_WEIGHT
    assert reasons(largest.penalty) == {TOO_HEAVY}


@any_format
@pytest.mark.parametrize("relay", ["relaying_served_chain", "relaying_bitcoind"])
def test_a_node_relays_them_all(relay: str, option_anchors: bool, request: pytest.FixtureRequest) -> None:
    """But HTLC transactions with anchors, which pay nothing: they need another input (B05-htlc-tx-l-02)."""
    chain: BitcoindChain = request.getfixturevalue(relay)
    answers: dict[str, set[str | None]] = {}

    def offer(kind: Weighed) -> None:
        answers[kind.name] = {refusal(chain, transaction.serialize()) for transaction in kind.transactions}

    Trial(chain, option_anchors=option_anchors).run(offer)
    second_stage = PAYS_NOTHING if option_anchors else None
    assert answers == {
        "commitment": {None},
        "penalty that takes everything": {None},
        "htlc_success": {second_stage},
        "htlc_timeout": {second_stage},
    }


def refusal(chain: BitcoindChain, transaction: bytes) -> str | None:
    """Why the node would not let a transaction into its mempool."""
    answer: dict[str, Any] = chain.rpc.call("testmempoolaccept", [transaction.hex()], 0)[0]
    return None if answer["allowed"] else str(answer["reject-reason"])


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("boltproofs.replay.largest.TO_LOCAL_SCRIPT_SIZE", "penalty"),
        ("boltproofs.replay.largest.HTLC_TIMEOUT_WEIGHT", "htlc_timeout"),
    ],
)
def test_a_figure_that_is_one_off_is_noticed(monkeypatch: pytest.MonkeyPatch, place: str, name: str) -> None:
    module, attribute = place.rsplit(".", 1)
    right = getattr(__import__(module, fromlist=[attribute]), attribute)
    monkeypatch.setattr(place, right + 1)
    with EmbeddedChain() as chain, pytest.raises(Disagreement, match=f"weight of {name}"):
        Trial(chain, option_anchors=True, each=127).run()
