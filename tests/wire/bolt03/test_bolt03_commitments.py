"""Commitment and HTLC transactions, byte-exact with signatures (BOLT 3, Appendices B, C and F)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from boltwire.commitment import (
    BuiltCommitment,
    CommitmentParams,
    CommitmentTerms,
    HtlcOutput,
    OutputRole,
    build_commitment,
)
from boltwire.commitment_format import CommitmentFormat
from boltwire.commitment_signatures import (
    CommitmentSignatures,
    SignatureCheck,
    check_signatures,
    complete_commitment,
    sign_commitment,
)
from boltwire.funding import FundingOutput, obscuring_factor, read_commitment_number
from boltwire.hashes import hash160, sha256d
from boltwire.htlc_tx import build_htlc_transactions
from boltwire.keys import Basepoints, CommitmentKeys
from boltwire.scripts import OP_CHECKSIG, OP_DUP, OP_EQUALVERIFY, OP_HASH160, p2wpkh, p2wsh
from boltwire.secp256k1 import PrivateKey, PublicKey, signature_from_der, signature_to_der
from boltwire.transaction import Outpoint, Transaction, TxInput, TxOutput, parse_transaction, txid_from_hex

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt03_commitments.json").read_text())
COMMON, FUNDING = VECTORS["common"], VECTORS["funding"]
CASES = [
    pytest.param(variant, case, id=f"{variant['variant']}-{case['id']}")
    for variant in VECTORS["variants"]
    for case in variant["cases"]
]
HTLC_CASES = [
    pytest.param(variant, case, position, id=f"{variant['variant']}-{case['id']}-htlc{htlc_tx['htlc_id']}")
    for variant in VECTORS["variants"]
    for case in variant["cases"]
    for position, htlc_tx in enumerate(case["htlc_txs"])
]


def point(name: str) -> PublicKey:
    return PublicKey(bytes.fromhex(COMMON["keys"][name]))


def secret(name: str) -> PrivateKey:
    return PrivateKey(bytes.fromhex(COMMON["keys"][name]))


def terms(variant: dict[str, Any], case: dict[str, Any]) -> CommitmentTerms:
    """Local's revocation and remote's delayed basepoints are in no vector and play no part in local's transaction."""
    unused = point("local_per_commitment_point")
    local = Basepoints(
        revocation_basepoint=unused,
        payment_basepoint=point("local_payment_basepoint"),
        delayed_payment_basepoint=point("local_delayed_payment_basepoint"),
        htlc_basepoint=point("local_htlc_basepoint"),
    )
    remote = Basepoints(
        revocation_basepoint=point("remote_revocation_basepoint"),
        payment_basepoint=point("remote_payment_basepoint"),
        delayed_payment_basepoint=unused,
        htlc_basepoint=point("remote_htlc_basepoint"),
    )
    outpoint = Outpoint(txid_from_hex(COMMON["funding_txid"]), COMMON["funding_output_index"])
    funding_keys = point("local_funding_pubkey"), point("remote_funding_pubkey")
    return CommitmentTerms(
        CommitmentFormat[variant["variant"].upper()],
        FundingOutput(outpoint, COMMON["funding_sat"], *funding_keys),
        local,
        remote,
        obscuring_factor(local.payment_basepoint, remote.payment_basepoint),
        COMMON["local_is_opener"],
        variant["dust_limit_sat"] if "dust_limit_sat" in variant else case["dust_limit_sat"],
        COMMON["local_to_self_delay"],
    )


def htlc(entry: dict[str, Any]) -> HtlcOutput:
    payment_hash = hashlib.sha256(bytes.fromhex(entry["preimage"])).digest()
    return HtlcOutput(entry["direction"] == "offered", entry["amount_msat"], payment_hash, entry["cltv_expiry"])


def build(variant: dict[str, Any], case: dict[str, Any]) -> BuiltCommitment:
    params = CommitmentParams(
        terms(variant, case),
        COMMON["commitment_number"],
        point("local_per_commitment_point"),
        case["feerate_per_kw"],
        case["to_local_msat"],
        case["to_remote_msat"],
        tuple(htlc(VECTORS["htlcs"][htlc_id]) for htlc_id in case["htlc_ids"]),
    )
    return build_commitment(params)


def remote_signatures(commitment: BuiltCommitment) -> CommitmentSignatures:
    return sign_commitment(commitment, secret("remote_funding_privkey"), secret("remote_payment_basepoint_secret"))


@pytest.mark.parametrize(("variant", "case"), CASES)
def test_commitment_transaction(variant: dict[str, Any], case: dict[str, Any]) -> None:
    """B03-appendix-b-b-01, B03-commitment-outputs-b-01, B03-commitment-outputs-b-02, B03-trimmed-outputs-b-01,
    B03-trimmed-outputs-b-02, B03-trimmed-outputs-b-03, B03-trimmed-outputs-b-04, B03-trimmed-outputs-b-05,
    B03-trimmed-outputs-b-06, B03-trimmed-outputs-b-07, B03-trimmed-outputs-b-08, B03-trimmed-outputs-b-09
    """
    commitment = build(variant, case)
    signature = remote_signatures(commitment).signature
    signed = complete_commitment(commitment, signature, secret("local_funding_privkey"))
    assert signature == signature_from_der(bytes.fromhex(case["remote_sig_der"]))
    assert signature_to_der(secret_signature(signed, "local")).hex() == case["local_sig_der"]
    assert signed.serialize().hex() == case["commit_tx"]
    assert signed.txid()[::-1].hex() == commitment.txid[::-1].hex() == case["commit_txid"]
    assert parse_transaction(bytes.fromhex(case["commit_tx"])) == signed


def secret_signature(signed: Transaction, side: str) -> bytes:
    """The 64 bytes of one side's signature in the funding witness."""
    keys = sorted(("local", "remote"), key=lambda name: point(f"{name}_funding_pubkey").encoded)
    return signature_from_der(signed.inputs[0].witness[1 + keys.index(side)][:-1])


@pytest.mark.parametrize(("variant", "case"), CASES)
def test_outputs_and_fee(variant: dict[str, Any], case: dict[str, Any]) -> None:
    """B03-fee-calculation-b-05, B03-fee-calculation-b-06, B03-fee-calculation-b-07"""
    commitment = build(variant, case)
    assert len(commitment.htlc_vouts()) == case["num_untrimmed_htlcs"]
    outputs = [(output.output.amount_sat, output.output.script_pubkey.hex()) for output in commitment.outputs]
    assert outputs == [(output["amount_sat"], output["script_pubkey"]) for output in case["tx_outputs"]]
    if "actual_fee_sat" in case:
        assert commitment.fee_sat == case["actual_fee_sat"]
    for expected in case.get("outputs", ()):
        assert any(matches(commitment, vout, expected) for vout in range(len(commitment.outputs)))


def matches(commitment: BuiltCommitment, vout: int, expected: dict[str, Any]) -> bool:
    output = commitment.outputs[vout]
    role = expected["kind"].removeprefix("htlc_") + "_htlc" if "htlc" in expected["kind"] else expected["kind"]
    script = expected.get("witness_script", "")
    return (output.role, output.output.amount_sat, output.witness_script.hex()) == (
        OutputRole(role),
        expected["amount_sat"],
        script,
    )


@pytest.mark.parametrize(("variant", "case"), CASES)
def test_remote_signatures_are_accepted_and_any_change_is_not(variant: dict[str, Any], case: dict[str, Any]) -> None:
    """B03-appendix-b-s-01"""
    commitment = build(variant, case)
    signatures = remote_signatures(commitment)
    assert [signature_to_der(item).hex() for item in signatures.htlc_signature] == [
        item["remote_sig_der"] for item in case["htlc_txs"]
    ]
    assert check_signatures(commitment, signatures) is SignatureCheck.VALID
    wrong = secret("local_funding_privkey").sign(bytes(32))
    bad = CommitmentSignatures(wrong, signatures.htlc_signature)
    assert check_signatures(commitment, bad) is SignatureCheck.BAD_SIGNATURE
    longer = CommitmentSignatures(signatures.signature, (*signatures.htlc_signature, wrong))
    assert check_signatures(commitment, longer) is SignatureCheck.WRONG_NUMBER
    for position in range(len(signatures.htlc_signature)):
        items = list(signatures.htlc_signature)
        items[position] = wrong
        bad = CommitmentSignatures(signatures.signature, tuple(items))
        assert check_signatures(commitment, bad) is SignatureCheck.BAD_HTLC_SIGNATURE


@pytest.mark.parametrize(("variant", "case", "position"), HTLC_CASES)
def test_htlc_transaction(variant: dict[str, Any], case: dict[str, Any], position: int) -> None:
    """B03-fee-calculation-b-01, B03-fee-calculation-b-02, B03-fee-calculation-b-03, B03-fee-calculation-b-04,
    B05-htlc-tx-b-01, B05-htlc-tx-l-01
    """
    commitment, expected = build(variant, case), case["htlc_txs"][position]
    htlc_transaction = build_htlc_transactions(commitment)[position]
    entry = VECTORS["htlcs"][expected["htlc_id"]]
    assert htlc_transaction.htlc == htlc(entry)
    assert commitment.htlc_vouts()[position] == expected["output_index"]
    assert f"{htlc_transaction.remote_sighash:02x}" == variant["htlc_remote_sighash"]
    remote_signature = signature_from_der(bytes.fromhex(expected["remote_sig_der"]))
    preimage = bytes.fromhex(entry["preimage"]) if expected["kind"] == "success" else None
    signed = htlc_transaction.complete(remote_signature, secret("local_htlc_privkey"), preimage)
    assert signed.inputs[0].witness[2].hex() == expected["local_sig_der"] + "01"
    assert signed.serialize().hex() == expected["tx"]


def test_keys_of_the_commitment() -> None:
    variant = VECTORS["variants"][0]
    shared = terms(variant, variant["cases"][0])
    keys = CommitmentKeys.derive(shared.local, shared.remote, point("local_per_commitment_point"))
    assert keys.revocationpubkey == point("local_revocation_pubkey")
    assert keys.local_delayedpubkey == point("local_delayed_pubkey")
    assert keys.local_htlcpubkey == point("local_htlc_pubkey")
    assert keys.remote_htlcpubkey == point("remote_htlc_pubkey")
    assert keys.remotepubkey == point("remote_payment_basepoint")


def test_obscuring_factor_and_commitment_number() -> None:
    factor = obscuring_factor(point("local_payment_basepoint"), point("remote_payment_basepoint"))
    assert f"{factor:012x}" == COMMON["commitment_number_mask"]
    transaction = parse_transaction(bytes.fromhex(VECTORS["variants"][0]["cases"][0]["commit_tx"]))
    assert read_commitment_number(transaction, factor) == COMMON["commitment_number"]
    assert read_commitment_number(parse_transaction(bytes.fromhex(FUNDING["funding_tx"])), factor) is None


def test_funding_transaction() -> None:
    """The vector's input is p2pkh, which only this test spends: its digest is the one from before segwit."""
    key = PrivateKey(bytes.fromhex(FUNDING["coinbase_privkey"]))
    pubkey = key.public_key.encoded
    spent_script = OP_DUP + OP_HASH160 + b"\x14" + hash160(pubkey) + OP_EQUALVERIFY + OP_CHECKSIG
    funding_script = bytes.fromhex(FUNDING["funding_witness_script"])
    expected = parse_transaction(bytes.fromhex(FUNDING["funding_tx"]))
    change = TxOutput(FUNDING["change_sat"], expected.outputs[1].script_pubkey)
    outputs = (TxOutput(FUNDING["funding_sat"], p2wsh(funding_script)), change)
    outpoint = Outpoint(txid_from_hex(FUNDING["input_txid"]), FUNDING["input_index"])
    for_digest = Transaction((TxInput(outpoint, script_sig=spent_script),), outputs)
    signature = signature_to_der(key.sign(sha256d(for_digest.serialize() + b"\x01\x00\x00\x00"))) + b"\x01"
    script_sig = bytes((len(signature),)) + signature + bytes((len(pubkey),)) + pubkey
    signed = Transaction((TxInput(outpoint, script_sig=script_sig),), outputs)
    assert signed.serialize().hex() == FUNDING["funding_tx"]
    assert signed.txid()[::-1].hex() == FUNDING["funding_txid"]
    keys = (PublicKey(bytes.fromhex(FUNDING[f"{side}_funding_pubkey"])) for side in ("remote", "local"))
    funding = FundingOutput(Outpoint(signed.txid(), 0), FUNDING["funding_sat"], *keys)
    assert funding.witness_script() == funding_script
    assert funding.output() == outputs[FUNDING["funding_output_index"]]


def test_p2wpkh_of_to_remote() -> None:
    case = VECTORS["variants"][0]["cases"][0]
    expected = next(output for output in case["outputs"] if output["kind"] == "to_remote")
    script = p2wpkh(bytes.fromhex(expected["p2wpkh_pubkey"]))
    assert {"amount_sat": expected["amount_sat"], "script_pubkey": script.hex()} in case["tx_outputs"]
