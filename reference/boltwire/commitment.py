"""Commitment transactions: from balances and HTLCs to the unsigned transaction (BOLT 3, Commitment Transaction).

Point of view of BOLT 3: *local* owns the commitment transaction and may broadcast it, *remote* is its peer, whoever
runs this code; a node builds its peer's transaction with the peer as local. ``offered`` is likewise seen from local.

:func:`build_commitment` does all of the BOLT's "Commitment Transaction Construction": it trims, takes the fee from the
opener, lays out and orders outputs. Signatures are in :mod:`boltwire.commitment_signatures`, HTLC transactions in
:mod:`boltwire.htlc_tx`, what can be taken from a confirmed commitment in :mod:`boltwire.sweep` and
:mod:`boltwire.penalty`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from boltwire.commitment_format import CommitmentFormat
from boltwire.fees import ANCHOR_SAT, anchors_cost, commitment_fee, is_htlc_trimmed
from boltwire.funding import FundingOutput, commitment_locks
from boltwire.keys import Basepoints, CommitmentKeys
from boltwire.scripts import (
    anchor_script,
    offered_htlc_script,
    p2wpkh,
    p2wsh,
    received_htlc_script,
    to_local_script,
    to_remote_anchors_script,
)
from boltwire.secp256k1 import PublicKey
from boltwire.transaction import Outpoint, Transaction, TxInput, TxOutput


class CommitmentError(ValueError):
    """Balances and fees for which there is no commitment transaction."""


@dataclass(frozen=True, slots=True)
class CommitmentTerms:
    """What all commitment transactions of one owner on one funding output have in common."""

    commitment_format: CommitmentFormat
    funding: FundingOutput
    local: Basepoints
    remote: Basepoints
    obscuring_factor: int
    """From :func:`boltwire.funding.obscuring_factor`; the same for both owners."""

    local_is_opener: bool
    """Whether local pays fee and anchors."""

    dust_limit_satoshis: int
    """Local's own ``dust_limit_satoshis``."""

    to_self_delay: int
    """The ``to_self_delay`` that remote demanded of local, in blocks."""


@dataclass(frozen=True, slots=True)
class HtlcOutput:
    """An HTLC that is committed, trimmed or not."""

    offered: bool
    """Whether the owner of the commitment transaction offered it (else it received it)."""

    amount_msat: int
    payment_hash: bytes
    cltv_expiry: int

    def __post_init__(self) -> None:
        if len(self.payment_hash) != 32:
            raise ValueError(f"a payment hash takes 32 bytes, not {len(self.payment_hash)}")
        if self.amount_msat < 0:
            raise ValueError(f"an HTLC cannot be worth {self.amount_msat} msat")


@dataclass(frozen=True, slots=True)
class CommitmentParams:
    """One commitment transaction: the terms and what changes from one to the next."""

    terms: CommitmentTerms
    commitment_number: int
    """From 0 upwards."""

    per_commitment_point: PublicKey
    """Local's, for this commitment number."""

    feerate_per_kw: int
    to_local_msat: int
    """Local's balance before fee and anchors, without HTLCs."""

    to_remote_msat: int
    """Remote's balance before fee and anchors, without HTLCs."""

    htlcs: tuple[HtlcOutput, ...] = ()

    def __post_init__(self) -> None:
        if min(self.to_local_msat, self.to_remote_msat, self.feerate_per_kw) < 0:
            raise ValueError("balances and feerate cannot be negative")


class OutputRole(Enum):
    """What an output of a commitment transaction is for; names as in BOLT 3, seen from the owner."""

    TO_LOCAL = "to_local"
    TO_REMOTE = "to_remote"
    TO_LOCAL_ANCHOR = "to_local_anchor"
    TO_REMOTE_ANCHOR = "to_remote_anchor"
    OFFERED_HTLC = "offered_htlc"
    RECEIVED_HTLC = "received_htlc"


@dataclass(frozen=True, slots=True)
class CommitmentOutput:
    """An output with what is needed to spend it."""

    role: OutputRole
    output: TxOutput
    witness_script: bytes
    """The script behind p2wsh; empty for ``to_remote`` without anchors, which is p2wpkh."""

    htlc_index: int | None = None
    """Position in :attr:`CommitmentParams.htlcs`, for an HTLC."""

    cltv_expiry: int = 0
    """Last key of the output order; 0 for other outputs than HTLCs."""


@dataclass(frozen=True, slots=True)
class BuiltCommitment:
    """An unsigned commitment transaction and how it came about."""

    params: CommitmentParams
    keys: CommitmentKeys
    transaction: Transaction
    txid: bytes
    """32 bytes, hash order; final before signing, as the witness is not part of it."""

    outputs: tuple[CommitmentOutput, ...]
    """In the order of the transaction."""

    delayed_script: bytes
    """The script of ``to_local`` and of the outputs of HTLC transactions."""

    @property
    def fee_sat(self) -> int:
        """What the miner gets: base fee, trimmed outputs and roundings. A node may find it too low
        (B03-fee-payment-n-01).
        """
        return self.params.terms.funding.amount_sat - sum(output.output.amount_sat for output in self.outputs)

    def vout(self, role: OutputRole) -> int | None:
        """Index of the first output with this role; None if there is none."""
        return next((vout for vout, output in enumerate(self.outputs) if output.role is role), None)

    def outpoint(self, vout: int) -> Outpoint:
        """The outpoint of an output, for the transaction that spends it."""
        return Outpoint(self.txid, vout)

    def htlc_vouts(self) -> tuple[int, ...]:
        """Indices of the HTLC outputs in order: that of ``htlc_signature`` in ``commitment_signed``."""
        return tuple(vout for vout, output in enumerate(self.outputs) if output.htlc_index is not None)

    def vout_of_htlc(self, htlc_index: int) -> int | None:
        """Index of the output of ``params.htlcs[htlc_index]``; None if it is trimmed."""
        return next((vout for vout, output in enumerate(self.outputs) if output.htlc_index == htlc_index), None)

    def htlc_at(self, vout: int) -> HtlcOutput:
        """The HTLC of an output; ValueError if that output is not an HTLC."""
        index = self.outputs[vout].htlc_index
        if index is None:
            raise ValueError(f"output {vout} is {self.outputs[vout].role.value}, not an HTLC")
        return self.params.htlcs[index]


def build_commitment(params: CommitmentParams) -> BuiltCommitment:
    """The commitment transaction of these parameters.

    Raises :class:`CommitmentError` when the outputs would be worth more than the funding output.

    AMBIGUOUS: opener-cannot-pay: when the opener cannot pay fee and anchors, BOLT 3 says that the fee "will be less".
    Here the opener's balance becomes zero, fee and anchors alike being taken as one sum.
    """
    terms = params.terms
    keys = CommitmentKeys.derive(terms.local, terms.remote, params.per_commitment_point)
    delayed = to_local_script(keys.revocationpubkey.encoded, terms.to_self_delay, keys.local_delayedpubkey.encoded)
    htlcs = list(_htlc_outputs(params, keys))
    outputs = tuple(sorted([*htlcs, *_main_outputs(params, keys, delayed, len(htlcs))], key=_output_order))
    sequence, locktime = commitment_locks(params.commitment_number, terms.obscuring_factor)
    tx_input = TxInput(terms.funding.outpoint, sequence)
    transaction = Transaction((tx_input,), tuple(output.output for output in outputs), locktime)
    built = BuiltCommitment(params, keys, transaction, transaction.txid(), outputs, delayed)
    if built.fee_sat < 0:
        raise CommitmentError(f"the outputs are worth {-built.fee_sat} sat more than the funding output")
    return built


def _output_order(output: CommitmentOutput) -> tuple[int, bytes, int]:
    """BOLT 3, Transaction Output Ordering: amount, script, expiry; a shorter script sorts before its extension."""
    return output.output.amount_sat, output.output.script_pubkey, output.cltv_expiry


def _htlc_outputs(params: CommitmentParams, keys: CommitmentKeys) -> Iterator[CommitmentOutput]:
    """The untrimmed HTLCs (B03-trimmed-outputs-b-06, B03-trimmed-outputs-b-08), in the order of ``params.htlcs``."""
    terms = params.terms
    for index, htlc in enumerate(params.htlcs):
        if is_htlc_trimmed(
            terms.commitment_format,
            offered=htlc.offered,
            amount_msat=htlc.amount_msat,
            dust_limit_satoshis=terms.dust_limit_satoshis,
            feerate_per_kw=params.feerate_per_kw,
        ):
            continue
        role = OutputRole.OFFERED_HTLC if htlc.offered else OutputRole.RECEIVED_HTLC
        script = htlc_script(terms.commitment_format, keys, htlc)
        # Whole satoshis, rounded down: B03-commitment-outputs-b-01.
        output = TxOutput(htlc.amount_msat // 1000, p2wsh(script))
        yield CommitmentOutput(role, output, script, index, htlc.cltv_expiry)


def htlc_script(commitment_format: CommitmentFormat, keys: CommitmentKeys, htlc: HtlcOutput) -> bytes:
    """The witness script of an HTLC's output (B03-trimmed-outputs-b-07, B03-trimmed-outputs-b-09)."""
    revocation, local, remote = keys.revocationpubkey, keys.local_htlcpubkey, keys.remote_htlcpubkey
    pubkeys = revocation.encoded, local.encoded, remote.encoded
    has_anchors = commitment_format.has_anchors
    if htlc.offered:
        return offered_htlc_script(*pubkeys, htlc.payment_hash, has_anchors=has_anchors)
    return received_htlc_script(*pubkeys, htlc.payment_hash, htlc.cltv_expiry, has_anchors=has_anchors)


def _main_outputs(
    params: CommitmentParams, keys: CommitmentKeys, delayed: bytes, htlc_count: int
) -> Iterator[CommitmentOutput]:
    """Balances that reach the dust limit, and the anchors.

    Local's balance: B03-trimmed-outputs-b-02, B03-trimmed-outputs-b-03; remote's: B03-trimmed-outputs-b-04,
    B03-trimmed-outputs-b-05.
    """
    terms = params.terms
    local_sat, remote_sat = _balances_after_fee(params, htlc_count)
    has_local, has_remote = (amount >= terms.dust_limit_satoshis for amount in (local_sat, remote_sat))
    if has_local:
        yield CommitmentOutput(OutputRole.TO_LOCAL, TxOutput(local_sat, p2wsh(delayed)), delayed)
    if has_remote:
        yield _to_remote(terms.commitment_format, keys.remotepubkey.encoded, remote_sat)
    if terms.commitment_format.has_anchors and (has_local or htlc_count):
        yield _anchor(OutputRole.TO_LOCAL_ANCHOR, terms.funding.local_funding_pubkey)
    if terms.commitment_format.has_anchors and (has_remote or htlc_count):
        yield _anchor(OutputRole.TO_REMOTE_ANCHOR, terms.funding.remote_funding_pubkey)


def _balances_after_fee(params: CommitmentParams, htlc_count: int) -> tuple[int, int]:
    """Both balances in whole satoshis, fee and anchors taken from the opener's (B03-trimmed-outputs-b-01)."""
    terms = params.terms
    cost = commitment_fee(terms.commitment_format, params.feerate_per_kw, htlc_count)
    cost += anchors_cost(terms.commitment_format)
    local_sat, remote_sat = params.to_local_msat // 1000, params.to_remote_msat // 1000
    if terms.local_is_opener:
        return max(0, local_sat - cost), remote_sat
    return local_sat, max(0, remote_sat - cost)


def _to_remote(commitment_format: CommitmentFormat, remotepubkey: bytes, amount_sat: int) -> CommitmentOutput:
    if not commitment_format.has_anchors:
        return CommitmentOutput(OutputRole.TO_REMOTE, TxOutput(amount_sat, p2wpkh(remotepubkey)), b"")
    script = to_remote_anchors_script(remotepubkey)
    return CommitmentOutput(OutputRole.TO_REMOTE, TxOutput(amount_sat, p2wsh(script)), script)


def _anchor(role: OutputRole, funding_pubkey: PublicKey) -> CommitmentOutput:
    script = anchor_script(funding_pubkey.encoded)
    return CommitmentOutput(role, TxOutput(ANCHOR_SAT, p2wsh(script)), script)
