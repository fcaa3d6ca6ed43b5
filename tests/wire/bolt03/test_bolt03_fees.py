"""Fees, trimming, weights and dust (BOLT 3, Fees, Trimmed Outputs, Dust Limits, Appendix A)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.commitment import CommitmentError, HtlcOutput, OutputRole
from boltwire.commitment_format import CommitmentFormat
from boltwire.fees import (
    HTLC_OUTPUT_WEIGHT,
    commitment_fee,
    commitment_weight,
    dust_threshold,
    htlc_fee,
    htlc_success_fee,
    htlc_timeout_fee,
    is_htlc_trimmed,
)
from boltwire.htlc_tx import build_htlc_transactions
from boltwire.scripts import PAY_TO_ANCHOR, offered_htlc_script, p2wpkh, p2wsh, received_htlc_script
from boltwire.transaction import TxOutput
from boltwire.weights import (
    COMMON_WEIGHT,
    FUNDING_SCRIPT_SIZE,
    FUNDING_WITNESS_WEIGHT,
    INPUT_SIZE,
    INPUT_WEIGHT,
    htlc_success_witness_weight,
    htlc_timeout_witness_weight,
    output_weight,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt03_fees.json").read_text())
FORMATS = {
    "no_anchors": CommitmentFormat.STATIC_REMOTEKEY,
    "anchors": CommitmentFormat.ANCHORS_ZERO_FEE_HTLC,
}
FORMAT_PARAMS = [pytest.param(name, commitment_format, id=name) for name, commitment_format in FORMATS.items()]
KEY = b"\x02" + bytes(32)
P2WSH_SIZE = len(p2wsh(b""))


@pytest.mark.parametrize("case", VECTORS["fee_cases"], ids=lambda case: case["id"])
def test_worked_example(case: dict[str, Any]) -> None:
    """B03-fee-calculation-b-02, B03-fee-calculation-b-04, B03-fee-calculation-b-05, B03-fee-calculation-b-06,
    B03-fee-calculation-b-07, B03-trimmed-outputs-b-06, B03-trimmed-outputs-b-08
    """
    commitment_format = FORMATS["anchors" if case["option_anchors"] else "no_anchors"]
    feerate, untrimmed = case["feerate_per_kw"], 0
    assert htlc_timeout_fee(commitment_format, feerate) == case["htlc_timeout_fee_sat"]
    assert htlc_success_fee(commitment_format, feerate) == case["htlc_success_fee_sat"]
    for htlc in case["htlcs"]:
        offered = htlc["direction"] == "offered"
        trimmed = is_htlc_trimmed(
            commitment_format,
            offered=offered,
            amount_msat=htlc["amount_msat"],
            dust_limit_satoshis=case["dust_limit_sat"],
            feerate_per_kw=feerate,
        )
        assert trimmed is htlc["trimmed"]
        if not trimmed:
            untrimmed += 1
            fee = htlc_fee(commitment_format, feerate, offered=offered)
            assert htlc["amount_msat"] // 1000 - fee == htlc["htlc_tx_output_sat"]
        assert commitment_weight(commitment_format, untrimmed) in case["commitment_weight_steps"]
    assert commitment_weight(commitment_format, untrimmed) == case["commitment_weight_steps"][-1]
    assert commitment_fee(commitment_format, feerate, untrimmed) == case["commitment_base_fee_sat"]


@pytest.mark.parametrize(("name", "commitment_format"), FORMAT_PARAMS)
def test_expected_weights(name: str, commitment_format: CommitmentFormat) -> None:
    """B03-fee-calculation-b-05, B03-fee-calculation-b-06"""
    expected = VECTORS["expected_weights"]
    assert commitment_format.commitment_weight == expected["commitment_base"][name]
    assert expected["commitment_per_untrimmed_htlc"] == HTLC_OUTPUT_WEIGHT == output_weight(P2WSH_SIZE)
    assert commitment_format.htlc_timeout_weight == expected["htlc_timeout"][name]
    assert commitment_format.htlc_success_weight == expected["htlc_success"][name]


@pytest.mark.parametrize(("name", "commitment_format"), FORMAT_PARAMS)
def test_expected_weights_are_those_of_the_transactions(name: str, commitment_format: CommitmentFormat) -> None:
    """The figures that the BOLT gives follow from the sizes of scripts, inputs, outputs and witnesses."""
    sizes, weights = VECTORS["expected_sizes"], VECTORS["expected_weights"]
    has_anchors = commitment_format.has_anchors
    offered = len(offered_htlc_script(KEY, KEY, KEY, bytes(32), has_anchors=has_anchors))
    # The BOLT counts four bytes for cltv_expiry; heights of today take three.
    received = len(received_htlc_script(KEY, KEY, KEY, bytes(32), 0x01000000, has_anchors=has_anchors))
    assert (offered, received) == (sizes["offered_htlc_script"][name], sizes["accepted_htlc_script"][name])
    assert htlc_timeout_witness_weight(offered) == sizes["htlc_timeout_witness"][name]
    assert htlc_success_witness_weight(received) == sizes["htlc_success_witness"][name]
    one_in_one_out = COMMON_WEIGHT + INPUT_WEIGHT + output_weight(P2WSH_SIZE)
    assert one_in_one_out + htlc_timeout_witness_weight(offered) == weights["htlc_timeout"][name]
    assert one_in_one_out + htlc_success_witness_weight(received) == weights["htlc_success_true_weight"][name]
    main = output_weight(P2WSH_SIZE) * 4 if has_anchors else output_weight(P2WSH_SIZE) + output_weight(22)
    # With anchors the BOLT counts three bytes for the number of outputs instead of one.
    count = 4 * 2 if has_anchors else 0
    assert COMMON_WEIGHT + INPUT_WEIGHT + FUNDING_WITNESS_WEIGHT + main + count == commitment_format.commitment_weight


def test_expected_sizes() -> None:
    sizes = VECTORS["expected_sizes"]
    assert sizes["multi_sig_script"] == FUNDING_SCRIPT_SIZE
    assert sizes["commitment_witness"] == FUNDING_WITNESS_WEIGHT
    assert sizes["funding_input"] == INPUT_SIZE
    assert sizes["p2wsh_output"] == len(TxOutput(0, p2wsh(b"")).serialize())
    assert sizes["p2wpkh_output"] == len(TxOutput(0, p2wpkh(KEY)).serialize())


@pytest.mark.parametrize(
    ("output", "script"),
    [
        ("p2pkh", "76a914" + "00" * 20 + "88ac"),
        ("p2sh", "a914" + "00" * 20 + "87"),
        ("p2wpkh", "0014" + "00" * 20),
        ("p2wsh", "0020" + "00" * 32),
        ("p2a", PAY_TO_ANCHOR.hex()),
        ("unknown_segwit", "6028" + "00" * 40),
        ("unknown_segwit", "5120" + "00" * 32),
        ("unknown_segwit", "6002" + "00" * 2),
    ],
)
def test_dust_threshold(output: str, script: str) -> None:
    thresholds = {entry["output"]: entry["dust_sat"] for entry in VECTORS["dust"]["thresholds"]}
    assert dust_threshold(bytes.fromhex(script)) == thresholds[output]


def test_op_return_is_never_dust() -> None:
    assert dust_threshold(bytes.fromhex("6a00")) == 0


@pytest.mark.parametrize("script", ["", "51", "6101" + "00", "6029" + "00" * 41, "0020" + "00" * 31, "76a914"])
def test_dust_threshold_of_other_scripts_is_not_guessed(script: str) -> None:
    with pytest.raises(ValueError, match="no dust threshold"):
        dust_threshold(bytes.fromhex(script))


@pytest.mark.parametrize("offered", [True, False])
@pytest.mark.parametrize(("name", "commitment_format"), FORMAT_PARAMS)
@given(feerate=st.integers(0, 100_000), dust=st.integers(0, 10_000), below=st.booleans(), extra=st.integers(0, 999))
def test_htlc_is_trimmed_below_dust_limit_plus_its_fee(
    *,
    name: str,
    commitment_format: CommitmentFormat,
    offered: bool,
    feerate: int,
    dust: int,
    below: bool,
    extra: int,
) -> None:
    """B03-commitment-outputs-b-02, B03-trimmed-outputs-b-06, B03-trimmed-outputs-b-08"""
    weight = {"no_anchors": {True: 663, False: 703}, "anchors": {True: 0, False: 0}}[name][offered]
    threshold = dust + feerate * weight // 1000
    amount_msat = max(0, threshold - below) * 1000 + extra
    trimmed = is_htlc_trimmed(
        commitment_format,
        offered=offered,
        amount_msat=amount_msat,
        dust_limit_satoshis=dust,
        feerate_per_kw=feerate,
    )
    assert trimmed is (amount_msat // 1000 < threshold)
    assert trimmed is (below and threshold > 0)


@given(
    feerate=st.integers(0, 50_000),
    htlcs=st.lists(st.tuples(st.booleans(), st.integers(0, 20_000_000)), max_size=8),
)
@pytest.mark.parametrize("local_is_opener", [True, False])
@pytest.mark.parametrize(("name", "commitment_format"), FORMAT_PARAMS)
def test_every_satoshi_of_the_funding_is_output_or_fee(
    *,
    name: str,
    commitment_format: CommitmentFormat,
    local_is_opener: bool,
    feerate: int,
    htlcs: list[tuple[bool, int]],
    open_channel: Any,
) -> None:
    """B03-trimmed-outputs-b-01, B03-fee-calculation-b-07"""
    channel = open_channel(commitment_format, local_is_opener=local_is_opener)
    entries = [HtlcOutput(offered, amount, bytes(32), 500) for offered, amount in htlcs]
    rest = 10_000_000_000 - sum(amount for _, amount in htlcs)
    commitment = channel.commitment(
        to_local_msat=rest // 2, to_remote_msat=rest - rest // 2, htlcs=entries, feerate_per_kw=feerate
    )
    untrimmed = len(commitment.htlc_vouts())
    trimmed_sat = sum(
        entry.amount_msat // 1000 for i, entry in enumerate(entries) if commitment.vout_of_htlc(i) is None
    )
    fee = commitment_fee(commitment_format, feerate, untrimmed)
    # Each balance and each HTLC may lose a fraction of a satoshi.
    assert fee + trimmed_sat <= commitment.fee_sat <= fee + trimmed_sat + len(entries) + 2
    amounts = {output.role: output.output.amount_sat for output in commitment.outputs}
    anchors = 660 if commitment_format.has_anchors else 0
    assert amounts[OutputRole.TO_LOCAL] == rest // 2 // 1000 - (fee + anchors if local_is_opener else 0)
    assert amounts[OutputRole.TO_REMOTE] == (rest - rest // 2) // 1000 - (0 if local_is_opener else fee + anchors)
    for transaction in build_htlc_transactions(commitment):
        paid = transaction.spent_amount_sat - transaction.transaction.outputs[0].amount_sat
        assert paid == htlc_fee(commitment_format, feerate, offered=transaction.htlc.offered)


@pytest.mark.parametrize("local_is_opener", [True, False])
@pytest.mark.parametrize(("name", "commitment_format"), FORMAT_PARAMS)
@pytest.mark.parametrize("below", [0, 1])
def test_main_outputs_vanish_below_the_dust_limit(
    name: str, commitment_format: CommitmentFormat, local_is_opener: bool, below: int, open_channel: Any
) -> None:
    """B03-trimmed-outputs-b-02, B03-trimmed-outputs-b-04"""
    channel = open_channel(commitment_format, local_is_opener=local_is_opener, dust_limit_satoshis=1000)
    cost = commitment_fee(commitment_format, 1000, 0) + (660 if commitment_format.has_anchors else 0)
    local = 1000 - below + (cost if local_is_opener else 0)
    commitment = channel.commitment(to_local_msat=local * 1000, to_remote_msat=5_000_000_000)
    assert (commitment.vout(OutputRole.TO_LOCAL) is None) is bool(below)
    remote = 1000 - below + (0 if local_is_opener else cost)
    commitment = channel.commitment(to_local_msat=5_000_000_000, to_remote_msat=remote * 1000)
    assert (commitment.vout(OutputRole.TO_REMOTE) is None) is bool(below)


@pytest.mark.parametrize(
    ("to_local_msat", "to_remote_msat", "with_htlc", "anchors"),
    [
        (5_000_000_000, 5_000_000_000, False, {OutputRole.TO_LOCAL_ANCHOR, OutputRole.TO_REMOTE_ANCHOR}),
        (5_000_000_000, 545_999, False, {OutputRole.TO_LOCAL_ANCHOR}),
        (0, 5_000_000_000, False, {OutputRole.TO_REMOTE_ANCHOR}),
        (5_000_000_000, 0, True, {OutputRole.TO_LOCAL_ANCHOR, OutputRole.TO_REMOTE_ANCHOR}),
        (0, 5_000_000_000, True, {OutputRole.TO_LOCAL_ANCHOR, OutputRole.TO_REMOTE_ANCHOR}),
        (0, 0, False, set()),
    ],
)
def test_anchor_needs_its_main_output_or_an_htlc(
    to_local_msat: int, to_remote_msat: int, with_htlc: bool, anchors: set[OutputRole], open_channel: Any
) -> None:
    channel = open_channel(CommitmentFormat.ANCHORS_ZERO_FEE_HTLC)
    htlcs = [HtlcOutput(True, 1_000_000, bytes(32), 500)] * with_htlc
    commitment = channel.commitment(to_local_msat=to_local_msat, to_remote_msat=to_remote_msat, htlcs=htlcs)
    found = {output.role for output in commitment.outputs if "anchor" in output.role.value}
    assert found == anchors


def test_opener_that_cannot_pay_the_fee_gives_all_it_has(open_channel: Any) -> None:
    channel = open_channel(CommitmentFormat.STATIC_REMOTEKEY)
    commitment = channel.commitment(to_local_msat=723_000, to_remote_msat=9_999_277_000)
    assert commitment.vout(OutputRole.TO_LOCAL) is None
    assert commitment.fee_sat == 723


def test_outputs_beyond_the_funding_are_refused(open_channel: Any) -> None:
    channel = open_channel(CommitmentFormat.STATIC_REMOTEKEY)
    exact = channel.commitment(to_local_msat=1_000_000_000, to_remote_msat=9_000_000_000, feerate_per_kw=0)
    assert exact.fee_sat == 0
    with pytest.raises(CommitmentError, match="1 sat more"):
        channel.commitment(to_local_msat=1_000_001_000, to_remote_msat=9_000_000_000, feerate_per_kw=0)


@pytest.mark.parametrize(
    "changes", [{"to_local_msat": -1}, {"to_remote_msat": -1}, {"feerate_per_kw": -1}, {"number": 2**48}]
)
def test_impossible_parameters_are_refused(changes: dict[str, int], open_channel: Any) -> None:
    channel = open_channel(CommitmentFormat.STATIC_REMOTEKEY)
    with pytest.raises(ValueError, match=r"negative|2\^48-1"):
        channel.commitment(**{"to_local_msat": 1_000_000, "to_remote_msat": 1_000_000} | changes)


def test_impossible_htlc_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        HtlcOutput(True, 1, bytes(31), 500)
    with pytest.raises(ValueError, match="-1 msat"):
        HtlcOutput(True, -1, bytes(32), 500)
