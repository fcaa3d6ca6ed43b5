"""The order of outputs, the way from HTLC to output, scripts' numbers, and the obscured commitment number."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import bitcointx
import coincurve._libsecp256k1  # type: ignore[import-not-found]
import pytest
from hypothesis import given
from hypothesis import strategies as st

bitcointx.set_custom_secp256k1_path(coincurve._libsecp256k1.__file__)

from bitcointx.core.script import CScript  # noqa: E402 - reads the path that is set above

from boltwire.commitment import HtlcOutput, OutputRole, build_commitment  # noqa: E402
from boltwire.commitment_format import CommitmentFormat  # noqa: E402
from boltwire.commitment_signatures import check_signatures  # noqa: E402
from boltwire.funding import MAX_COMMITMENT_NUMBER, commitment_locks, read_commitment_number  # noqa: E402
from boltwire.htlc_tx import build_htlc_transactions  # noqa: E402
from boltwire.scripts import funding_script, push_number  # noqa: E402
from boltwire.transaction import Outpoint, Transaction, TxInput, TxOutput  # noqa: E402

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt03_commitments.json").read_text())

htlcs = st.lists(
    st.builds(
        HtlcOutput,
        st.booleans(),
        st.integers(0, 3).map(lambda step: 5_000_000 + 400 * step),
        st.sampled_from([hashlib.sha256(bytes([seed])).digest() for seed in range(2)]),
        st.integers(500, 503),
    ),
    max_size=12,
)
formats = pytest.mark.parametrize("commitment_format", CommitmentFormat, ids=lambda item: item.name.lower())


@formats
@given(entries=htlcs)
def test_outputs_are_sorted_by_amount_script_and_expiry(
    commitment_format: CommitmentFormat, entries: list[HtlcOutput], open_channel: Any
) -> None:
    commitment = open_channel(commitment_format).commitment(
        to_local_msat=5_000_000, to_remote_msat=4_000_000_000, htlcs=entries
    )
    keys = [(item.output.amount_sat, item.output.script_pubkey, item.cltv_expiry) for item in commitment.outputs]
    assert keys == sorted(keys)
    assert commitment.transaction.outputs == tuple(item.output for item in commitment.outputs)


@formats
@given(entries=htlcs)
def test_every_htlc_finds_its_output(
    commitment_format: CommitmentFormat, entries: list[HtlcOutput], open_channel: Any
) -> None:
    commitment = open_channel(commitment_format).commitment(
        to_local_msat=5_000_000_000, to_remote_msat=4_000_000_000, htlcs=entries
    )
    vouts = [commitment.vout_of_htlc(index) for index in range(len(entries))]
    assert sorted(vout for vout in vouts if vout is not None) == list(commitment.htlc_vouts())
    for entry, vout in zip(entries, vouts, strict=True):
        assert vout is not None
        assert commitment.htlc_at(vout) == entry
        output = commitment.outputs[vout]
        assert output.output.amount_sat == entry.amount_msat // 1000
        assert output.role is (OutputRole.OFFERED_HTLC if entry.offered else OutputRole.RECEIVED_HTLC)
    for transaction, vout in zip(build_htlc_transactions(commitment), commitment.htlc_vouts(), strict=True):
        assert transaction.transaction.inputs[0].outpoint == Outpoint(commitment.transaction.txid(), vout)
        assert transaction.htlc == commitment.htlc_at(vout)


@formats
def test_equal_outputs_are_told_apart_by_expiry(commitment_format: CommitmentFormat, open_channel: Any) -> None:
    """Their HTLC-timeout transactions differ, so both peers must agree on the order of the signatures."""
    channel = open_channel(commitment_format)
    later, earlier = (HtlcOutput(True, 5_000_000, bytes(32), expiry) for expiry in (600, 500))
    commitment = channel.commitment(to_local_msat=5_000_000_000, to_remote_msat=4_000_000_000, htlcs=(later, earlier))
    expiries = [item.transaction.locktime for item in build_htlc_transactions(commitment)]
    assert expiries == [500, 600]
    swapped = build_commitment(replace(commitment.params, htlcs=(earlier, later)))
    assert check_signatures(swapped, channel.signatures(commitment)).name == "VALID"


def test_output_that_is_no_htlc_has_none(open_channel: Any) -> None:
    commitment = open_channel(CommitmentFormat.STATIC_REMOTEKEY).commitment(
        to_local_msat=5_000_000_000, to_remote_msat=4_000_000_000
    )
    with pytest.raises(ValueError, match="to_remote, not an HTLC"):
        commitment.htlc_at(0)
    assert commitment.vout_of_htlc(0) is None


@given(st.integers(0, MAX_COMMITMENT_NUMBER), st.integers(0, MAX_COMMITMENT_NUMBER))
def test_commitment_number_is_read_back(number: int, factor: int) -> None:
    sequence, locktime = commitment_locks(number, factor)
    assert (sequence >> 24, locktime >> 24) == (0x80, 0x20)
    transaction = Transaction((TxInput(Outpoint(bytes(32), 0), sequence),), (TxOutput(0, b""),), locktime)
    assert read_commitment_number(transaction, factor) == number
    assert read_commitment_number(replace(transaction, locktime=locktime ^ 1 << 24), factor) is None
    assert read_commitment_number(replace(transaction, inputs=transaction.inputs * 2), factor) is None


@pytest.mark.parametrize("number", [-1, MAX_COMMITMENT_NUMBER + 1])
def test_commitment_number_outside_48_bits_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=r"2\^48-1"):
        commitment_locks(number, 0)


@given(st.integers(0, 2**39 - 1))
def test_pushed_numbers_are_those_of_bitcointx(value: int) -> None:
    assert push_number(value) == bytes(CScript([value]))


@pytest.mark.parametrize("value", [0, 1, 16, 17, 127, 128, 144, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31])
def test_pushed_numbers_at_the_edges(value: int) -> None:
    assert push_number(value) == bytes(CScript([value]))


@pytest.mark.parametrize("value", [-1, 2**39])
def test_number_that_no_lock_can_have_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="locks a script"):
        push_number(value)


def test_funding_script_does_not_depend_on_the_order_of_the_keys() -> None:
    first, second = b"\x02" + bytes(32), b"\x03" + bytes(32)
    assert funding_script(first, second) == funding_script(second, first)
    assert funding_script(first, second) == bytes(CScript([2, first, second, 2])) + b"\xae"
