"""Transactions that both peers build: the dual-funding vector byte-exact (BOLT 3, Appendix G), coins on consensus code.

The vector rounds fees up; the printed working of the accepter's fee uses 398 where its weight is 395.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boltchain.embedded import EmbeddedChain
from boltwire.commitment_format import CommitmentFormat
from boltwire.errors import TransactionError
from boltwire.funding_spend import funding_spend_witness, sign_funding_spend
from boltwire.interactive_tx import (
    MAX_INPUTS,
    Contributor,
    InteractiveInput,
    InteractiveOutput,
    InteractiveTransaction,
    apply_witnesses,
    assemble,
    contribution_fee,
    contribution_weight,
    paid_fee,
    read_prevtx,
    signs_everything,
    witness_stack_weight,
)
from boltwire.scripts import p2tr, p2wpkh, p2wsh
from boltwire.secp256k1 import PrivateKey, signature_to_der
from boltwire.taproot import taproot_digest, taproot_script
from boltwire.transaction import (
    RBF_SEQUENCE,
    Outpoint,
    Transaction,
    TxInput,
    TxOutput,
    parse_transaction,
    parse_witness,
    serialize_witness,
    txid_to_hex,
)
from boltwire.wallet_inputs import WalletCoin, sign_wallet_inputs
from boltwire.weights import FUNDING_WITNESS_WEIGHT
from boltwire.witnesses import Witness

VECTOR: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt03_dual_funding.json").read_text())
PARTIES = {"opener": Contributor.INITIATOR, "accepter": Contributor.NON_INITIATOR}
FUNDING_SCRIPT = bytes.fromhex(next(entry["script"] for entry in VECTOR["opener_tx_add_output"][1:]))
WIF_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def private_key(wif: str) -> PrivateKey:
    """The key of a wallet import format: base58 of a version byte, 32 bytes, 01 and a checksum of four bytes."""
    value = 0
    for digit in wif:
        value = value * 58 + WIF_DIGITS.index(digit)
    return PrivateKey(value.to_bytes(38, "big")[1:33])


def added_inputs() -> list[InteractiveInput]:
    return [
        read_prevtx(entry["serial_id"], bytes.fromhex(entry["prevtx"]), entry["prevtx_vout"], entry["sequence"])
        for party in PARTIES
        for entry in VECTOR[f"{party}_tx_add_input"]
    ]


def added_outputs() -> list[InteractiveOutput]:
    return [
        InteractiveOutput(entry["serial_id"], TxOutput(entry["amount_sat"], bytes.fromhex(entry["script"])))
        for party in PARTIES
        for entry in VECTOR[f"{party}_tx_add_output"]
    ]


@pytest.fixture
def whole() -> InteractiveTransaction:
    return assemble(added_inputs(), added_outputs(), VECTOR["locktime"])


def witnesses() -> dict[Contributor, list[Witness]]:
    return {
        contributor: [
            parse_witness(bytes.fromhex(entry["witness_data"]))
            for entry in VECTOR[f"{party}_tx_signatures"]["witnesses"]
        ]
        for party, contributor in PARTIES.items()
    }


def test_unsigned_transaction(whole: InteractiveTransaction) -> None:
    """B02-itx-add-input-b-01, B02-itx-add-output-b-02"""
    assert whole.transaction.serialize().hex() == VECTOR["unsigned_tx"]
    for party in PARTIES:
        assert txid_to_hex(whole.transaction.txid()) == VECTOR[f"{party}_tx_signatures"]["txid"]


def test_order_of_arrival_does_not_matter(whole: InteractiveTransaction) -> None:
    assert assemble(added_inputs()[::-1], added_outputs()[::-1], VECTOR["locktime"]) == whole


def test_inputs_are_those_of_the_vector() -> None:
    """B02-itx-add-input-r-09"""
    by_outpoint = {f"{entry['txid']}:{entry['vout']}": entry for entry in VECTOR["inputs"]}
    for item in added_inputs():
        entry = by_outpoint[str(item.outpoint)]
        assert item.spent.script_pubkey.hex() == entry["script_pubkey"]
        assert item.contributor is PARTIES[entry["owner"]]


@pytest.mark.parametrize("entry", VECTOR["fees"], ids=lambda entry: entry["party"])
def test_weights_fees_and_change(whole: InteractiveTransaction, entry: dict[str, Any]) -> None:
    """B02-itx-complete-r-02, B02-itx-complete-r-03, B02-itx-complete-r-04, B02-itx-complete-j-01"""
    party, contributor = entry["party"], PARTIES[entry["party"]]
    weight = contribution_weight(whole, contributor)
    assert weight == entry["weight"]
    fee = contribution_fee(VECTOR["feerate_per_kw"], weight)
    assert fee == entry["fee_sat"]
    share = VECTOR[f"{party}_funding_sat"]
    assert sum(item.spent.amount_sat for item in whole.inputs_of(contributor)) == entry["total_in_sat"]
    assert paid_fee(whole, contributor, share, FUNDING_SCRIPT) == fee
    change = entry["total_in_sat"] - share - fee
    assert change == entry["change_sat"] == int.from_bytes(bytes.fromhex(entry["change_hex"]), "little")
    assert change in {item.output.amount_sat for item in whole.outputs_of(contributor)}


def test_accepters_signature(whole: InteractiveTransaction) -> None:
    """B02-itx-signatures-s-02, B02-itx-signatures-s-03, B02-itx-signatures-s-04"""
    entry = next(entry for entry in VECTOR["inputs"] if entry["owner"] == "accepter")
    item = whole.inputs_of(Contributor.NON_INITIATOR)[0]
    coin = WalletCoin(item.outpoint, item.spent, private_key(entry["privkey_wif"]))
    signed = sign_wallet_inputs(whole.transaction, [coin], {})
    witness = signed.inputs[whole.inputs.index(item)].witness
    expected = VECTOR["accepter_tx_signatures"]["witnesses"][0]
    assert serialize_witness(witness).hex() == expected["witness_data"]
    assert witness_stack_weight(witness) == expected["len"]
    assert signs_everything(item.spent, witness)


def test_signed_transaction(whole: InteractiveTransaction) -> None:
    """B02-itx-signatures-r-06"""
    assert apply_witnesses(whole, witnesses()).serialize().hex() == VECTOR["signed_tx"]


def test_witness_that_weighs_more_than_the_minimum_counts_in_full(whole: InteractiveTransaction) -> None:
    minimum = contribution_weight(whole, Contributor.INITIATOR)
    for weight, more in ((74, 0), (107, 0), (108, 1), (300, 193)):
        assert contribution_weight(whole, Contributor.INITIATOR, [weight]) == minimum + more


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda all_: {**all_, Contributor.INITIATOR: []}, "input 20 is missing"),
        (lambda all_: {**all_, Contributor.INITIATOR: all_[Contributor.INITIATOR] * 2}, "more witnesses"),
        (lambda all_: {**all_, Contributor.NON_INITIATOR: [()]}, "input 11 is empty"),
        (lambda all_: {}, "input 11 is missing"),
    ],
)
def test_wrong_number_of_witnesses_is_refused(whole: InteractiveTransaction, change: Any, reason: str) -> None:
    """B02-itx-signatures-r-01, B02-itx-signatures-r-02"""
    with pytest.raises(TransactionError, match=reason):
        apply_witnesses(whole, change(witnesses()))


def test_shared_witness_without_shared_input_is_refused(whole: InteractiveTransaction) -> None:
    with pytest.raises(TransactionError, match="more witnesses"):
        apply_witnesses(whole, witnesses(), (b"",))


PARENT = parse_transaction(bytes.fromhex(VECTOR["parent_tx"]))


@pytest.mark.parametrize(
    ("prevtx", "vout", "sequence", "field"),
    [
        (PARENT.serialize(), 0, RBF_SEQUENCE + 1, "sequence"),
        (PARENT.serialize(), 0, RBF_SEQUENCE + 2, "sequence"),
        (PARENT.serialize()[:-1], 0, RBF_SEQUENCE, "prevtx.locktime"),
        (PARENT.serialize(), len(PARENT.outputs), RBF_SEQUENCE, "prevtx_vout"),
        (PARENT.serialize(), 1, RBF_SEQUENCE, "prevtx"),
    ],
)
def test_unfit_input_is_refused(prevtx: bytes, vout: int, sequence: int, field: str) -> None:
    """B02-itx-add-input-r-02, B02-itx-add-input-r-07, B02-itx-add-input-r-08, B02-itx-add-input-r-09"""
    assert read_prevtx(0, PARENT.serialize(), 0, RBF_SEQUENCE).outpoint == Outpoint(PARENT.txid(), 0)
    with pytest.raises(TransactionError) as caught:
        read_prevtx(0, prevtx, vout, sequence)
    assert caught.value.field == field


def many(count: int, script: bytes = FUNDING_SCRIPT) -> tuple[list[InteractiveInput], list[InteractiveOutput]]:
    output = TxOutput(1000, script)
    inputs = [InteractiveInput(index, Outpoint(bytes(32), index), output) for index in range(count)]
    return inputs, [InteractiveOutput(index, output) for index in range(count)]


def test_limits_of_the_transaction() -> None:
    """B02-itx-complete-r-05, B02-itx-complete-r-06, B02-itx-complete-r-07"""
    inputs, outputs = many(MAX_INPUTS)
    assert len(assemble(inputs, outputs, 0).transaction.inputs) == MAX_INPUTS
    more_inputs, more_outputs = many(MAX_INPUTS + 1)
    for unfit in ((more_inputs, outputs), (inputs, more_outputs), ([], outputs), (inputs, [])):
        with pytest.raises(TransactionError, match="there must be 1 to 252"):
            assemble(*unfit, 0)
    # 42 fixed, 271 an input, 4 times 11 bytes and the script an output: the last byte of script is one too many.
    room = 400_000 - 42 - 271
    fitting = TxOutput(1000, bytes(room // 4 - 8 - 5))
    assert assemble(inputs[:1], [InteractiveOutput(0, fitting)], 0).outputs[0].output == fitting
    with pytest.raises(TransactionError, match="not standard"):
        assemble(inputs[:1], [InteractiveOutput(0, replace(fitting, script_pubkey=fitting.script_pubkey + b"x"))], 0)


def test_double_contributions_are_refused() -> None:
    """B02-itx-add-input-r-06, B02-itx-add-input-r-10, B02-itx-add-output-r-04"""
    inputs, outputs = many(2)
    twice = [inputs[0], replace(inputs[1], serial_id=inputs[0].serial_id)]
    same_outpoint = [inputs[0], replace(inputs[1], outpoint=inputs[0].outpoint)]
    same_output = [outputs[0], replace(outputs[1], serial_id=outputs[0].serial_id)]
    for unfit in ((twice, outputs), (same_outpoint, outputs), (inputs, same_output)):
        with pytest.raises(TransactionError, match="occurs twice"):
            assemble(*unfit, 0)


OPENER_KEY, ACCEPTER_KEY = (PrivateKey(bytes([seed]) * 32) for seed in (7, 8))


@pytest.mark.parametrize("opener_taproot", [True, False])
@pytest.mark.parametrize("accepter_taproot", [True, False])
@pytest.mark.parametrize("key_seed", range(1, 4))
def test_coins_of_both_peers_on_consensus_code(
    opener_taproot: bool, accepter_taproot: bool, key_seed: int, embedded_chain: EmbeddedChain
) -> None:
    """B02-itx-signatures-s-04; keys of either parity, each peer's coin p2wpkh or p2tr"""
    coins = []
    for seed, is_taproot in ((key_seed, opener_taproot), (key_seed + 100, accepter_taproot)):
        key = PrivateKey(bytes([seed]) * 32)
        script = taproot_script(key.public_key) if is_taproot else p2wpkh(key.public_key.encoded)
        funded = embedded_chain.fund(script, 1_000_000)
        coins.append(WalletCoin(Outpoint(funded.txid, funded.vout), TxOutput(1_000_000, script), key))
    inputs = [InteractiveInput(serial, coin.outpoint, coin.output) for serial, coin in enumerate(coins)]
    whole = assemble(inputs, [InteractiveOutput(2, TxOutput(1_990_000, p2wsh(b"\x51")))], 0)
    parts = {}
    for contributor, coin, item in zip(Contributor, coins, whole.inputs, strict=True):
        signed = sign_wallet_inputs(whole.transaction, [coin], whole.spent())
        own = signed.inputs[whole.inputs.index(item)].witness
        assert signs_everything(item.spent, own)
        assert 0 <= coin.witness_weight() - witness_stack_weight(own) <= 3
        parts[contributor] = [own]
    transaction = apply_witnesses(whole, parts)
    assert embedded_chain.check(transaction.serialize()) is None
    changed = replace(transaction, locktime=1)
    assert "script-verify-flag-failed" in str(embedded_chain.check(changed.serialize()))


def test_splice_with_shared_input_on_consensus_code(open_channel: Any, embedded_chain: EmbeddedChain) -> None:
    """The initiator pays for the shared input and the new funding output; both sign the shared input."""
    channel = open_channel(CommitmentFormat.ANCHORS_ZERO_FEE_HTLC, name="splice")
    funded = embedded_chain.fund(channel.funding.output().script_pubkey, channel.funding.amount_sat)
    funding = replace(channel.funding, outpoint=Outpoint(funded.txid, funded.vout))
    script = taproot_script(OPENER_KEY.public_key)
    coin_at = embedded_chain.fund(script, 2_000_000)
    coin = WalletCoin(Outpoint(coin_at.txid, coin_at.vout), TxOutput(2_000_000, script), OPENER_KEY)
    shared = InteractiveInput(0, funding.outpoint, funding.output(), is_shared=True)
    new_funding = TxOutput(10_000_000 + 1_500_000 - 300_000, p2wsh(b"\x52"))
    whole = assemble(
        [InteractiveInput(2, coin.outpoint, coin.output), shared],
        [
            InteractiveOutput(4, new_funding),
            InteractiveOutput(6, TxOutput(499_000, script)),
            InteractiveOutput(7, TxOutput(299_500, p2wpkh(b"\x02" * 33))),
        ],
        0,
    )
    assert paid_fee(whole, Contributor.INITIATOR, 1_500_000, new_funding.script_pubkey) == 1_000
    assert paid_fee(whole, Contributor.NON_INITIATOR, -300_000, new_funding.script_pubkey) == 500
    without = contribution_weight(replace(whole, inputs=whole.inputs[1:]), Contributor.INITIATOR)
    assert contribution_weight(whole, Contributor.INITIATOR) == without + 164 + FUNDING_WITNESS_WEIGHT
    index = whole.shared_index()
    assert index == 0
    signatures = [
        sign_funding_spend(whole.transaction, funding, peer.funding_key, index)
        for peer in (channel.local, channel.remote)
    ]
    own = sign_wallet_inputs(whole.transaction, [coin], whole.spent()).inputs[1].witness
    signed = apply_witnesses(whole, {Contributor.INITIATOR: [own]}, funding_spend_witness(funding, *signatures))
    assert embedded_chain.check(signed.serialize()) is None
    with pytest.raises(TransactionError, match="input 0 is missing"):
        apply_witnesses(whole, {Contributor.INITIATOR: [own]})


def test_whole_without_splice_has_no_shared_input(whole: InteractiveTransaction) -> None:
    assert whole.shared_index() is None


def test_other_sighash_types_are_found() -> None:
    """B02-itx-signatures-r-05"""
    spent, taproot = TxOutput(1, p2wpkh(b"\x02" * 33)), TxOutput(1, p2tr(bytes(32)))
    der = signature_to_der(OPENER_KEY.sign(bytes(32)))
    assert signs_everything(spent, (der + b"\x01", b"\x02" * 33))
    assert signs_everything(spent, (b"", bytes(32), b"\x82"))
    assert not signs_everything(spent, (der + b"\x83", b"\x02" * 33))
    assert not signs_everything(spent, (der + b"\x01", der + b"\x02"))
    assert signs_everything(taproot, (bytes(64),))
    assert signs_everything(taproot, (bytes(64) + b"\x01",))
    assert not signs_everything(taproot, (bytes(64) + b"\x83",))


def test_coin_must_belong_to_its_key() -> None:
    outpoint = Outpoint(bytes(32), 0)
    own = TxOutput(1, taproot_script(OPENER_KEY.public_key))
    assert WalletCoin(outpoint, own, OPENER_KEY).is_taproot
    with pytest.raises(ValueError, match="neither"):
        WalletCoin(outpoint, own, ACCEPTER_KEY)


def test_signing_needs_the_input_and_for_taproot_all_spent_outputs() -> None:
    own = TxOutput(1, taproot_script(OPENER_KEY.public_key))
    coin = WalletCoin(Outpoint(bytes(32), 0), own, OPENER_KEY)
    other = TxInput(Outpoint(bytes(32), 1))
    with pytest.raises(ValueError, match="no input spends"):
        sign_wallet_inputs(Transaction((other,), (own,)), [coin], {})
    both = Transaction((TxInput(coin.outpoint), other), (own,))
    with pytest.raises(ValueError, match="needs to know the outputs"):
        sign_wallet_inputs(both, [coin], {})
    assert sign_wallet_inputs(both, [coin], {other.outpoint: own}).inputs[1] == other
    with pytest.raises(ValueError, match="2 inputs spend as many outputs, not 1"):
        taproot_digest(both, 0, [own])
