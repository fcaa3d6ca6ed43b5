"""Every spending path of every script on Bitcoin Core's consensus code: accepted when due, refused a moment before.

Random channels live on an embedded regtest chain. ``chain.check`` judges a transaction as if the next block held it,
so that a delay of n blocks is over when n-1 blocks are mined on top of the spent transaction's.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from boltchain.embedded import EmbeddedChain
from boltwire.commitment import BuiltCommitment, HtlcOutput, OutputRole
from boltwire.commitment_format import CommitmentFormat
from boltwire.htlc_tx import HtlcTransaction, build_htlc_transaction, combine, second_stage_outpoint
from boltwire.penalty import penalise_commitment, penalise_htlc, penalise_htlc_transaction, penalise_to_local
from boltwire.scripts import p2wpkh, p2wpkh_script_code
from boltwire.secp256k1 import PrivateKey
from boltwire.spend import Spend, build_spend, sign_spends, spend_weight
from boltwire.sweep import (
    abandoned_anchor_input,
    claim_expired_htlc,
    claim_htlc_with_preimage,
    sweep_anchor,
    sweep_htlc_transaction,
    sweep_to_local,
    sweep_to_remote,
)
from boltwire.transaction import Outpoint, Transaction, TxInput, TxOutput
from boltwire.witnesses import p2wpkh_tail

ANCHORS = CommitmentFormat.ANCHORS_ZERO_FEE_HTLC
WALLET_KEY = PrivateKey(hashlib.sha256(b"wallet").digest())
WALLET = p2wpkh(WALLET_KEY.public_key.encoded)
TOO_EARLY_CSV = "contains a non-BIP68-final transaction"
TOO_EARLY_CLTV = "non-final transaction"
SCRIPT_REFUSED = "script-verify-flag-failed"
REASONS = (TOO_EARLY_CSV, TOO_EARLY_CLTV, SCRIPT_REFUSED)


@dataclass
class Stage:
    """A commitment transaction, fully signed, with HTLCs in both directions; not yet in a block."""

    chain: EmbeddedChain
    channel: Any
    commitment: BuiltCommitment
    preimages: dict[bytes, bytes]

    def __post_init__(self) -> None:
        self.signed: Transaction = self.channel.complete(self.commitment)

    def confirm(self, *transactions: Transaction) -> None:
        """Mine these transactions (the commitment transaction if none are given) in one block."""
        self.chain.mine(transactions=[item.serialize() for item in transactions or (self.signed,)])

    def refusal(self, transaction: Transaction, *after: Transaction) -> str | None:
        """Why consensus refuses the transaction in the next block behind ``after``; None if it does not."""
        reason = self.chain.check(transaction.serialize(), [parent.serialize() for parent in after])
        return next((known for known in REASONS if reason and known in reason), reason)

    def vouts(self, role: OutputRole) -> list[int]:
        return [vout for vout, output in enumerate(self.commitment.outputs) if output.role is role]

    def preimage(self, vout: int) -> bytes:
        return self.preimages[self.commitment.htlc_at(vout).payment_hash]

    def htlc_signature(self, vout: int) -> bytes:
        position = self.commitment.htlc_vouts().index(vout)
        signature: bytes = self.channel.signatures(self.commitment).htlc_signature[position]
        return signature

    def second_stage(self, vout: int) -> tuple[HtlcTransaction, Transaction]:
        """The HTLC transaction of an output, unsigned and signed."""
        unsigned = build_htlc_transaction(self.commitment, vout)
        preimage = None if unsigned.htlc.offered else self.preimage(vout)
        key = self.channel.local_htlc_key(self.commitment)
        return unsigned, unsigned.complete(self.htlc_signature(vout), key, preimage)

    def mine_to(self, height: int) -> None:
        self.chain.mine(height - self.chain.height())

    def wallet_coin(self, amount_sat: int) -> Spend:
        coin = self.chain.fund(WALLET, amount_sat)
        pubkey = WALLET_KEY.public_key.encoded
        code = p2wpkh_script_code(pubkey)
        return Spend(Outpoint(coin.txid, coin.vout), amount_sat, code, WALLET_KEY, p2wpkh_tail(pubkey))


def swept(*spends: Spend | None) -> Transaction:
    """All of these in one transaction to the wallet."""
    present = [spend for spend in spends if spend is not None]
    assert len(present) == len(spends)
    return build_spend(present, WALLET, 500)


@pytest.fixture
def chain() -> Iterator[EmbeddedChain]:
    with EmbeddedChain() as embedded:
        yield embedded


def random_htlcs(rng: random.Random, height: int) -> tuple[list[HtlcOutput], dict[bytes, bytes]]:
    htlcs, preimages = [], {}
    for offered in (True, False, *rng.choices((True, False), k=rng.randrange(3))):
        preimage = rng.randbytes(32)
        payment_hash = hashlib.sha256(preimage).digest()
        preimages[payment_hash] = preimage
        expiry = height + rng.randrange(10, 40)
        htlcs.append(HtlcOutput(offered, rng.randrange(50_000_000, 500_000_000), payment_hash, expiry))
    return htlcs, preimages


@pytest.fixture
def stage(request: pytest.FixtureRequest, chain: EmbeddedChain, open_channel: Any) -> Stage:
    commitment_format, seed = request.param
    rng = random.Random(f"{commitment_format} {seed}")
    draft = open_channel(commitment_format, name=str(rng.random()), amount_sat=20_000_000)
    funded = chain.fund(draft.funding.output().script_pubkey, draft.funding.amount_sat)
    channel = replace(
        draft,
        funding=replace(draft.funding, outpoint=Outpoint(funded.txid, funded.vout)),
        to_self_delay=rng.randrange(2, 25),
        local_is_opener=rng.random() < 0.5,
    )
    htlcs, preimages = random_htlcs(rng, chain.height())
    rest = 20_000_000_000 - sum(htlc.amount_msat for htlc in htlcs)
    to_local = rng.randrange(rest // 4, rest * 3 // 4)
    commitment = channel.commitment(
        to_local_msat=to_local,
        to_remote_msat=rest - to_local,
        htlcs=htlcs,
        feerate_per_kw=1000,
        number=rng.randrange(2**48),
    )
    return Stage(chain, channel, commitment, preimages)


SEEDS = range(2)
any_format = pytest.mark.parametrize(
    "stage",
    [pytest.param((item, seed), id=f"{item.name.lower()}-{seed}") for item in CommitmentFormat for seed in SEEDS],
    indirect=True,
)
with_anchors = pytest.mark.parametrize(
    "stage", [pytest.param((ANCHORS, seed), id=f"anchors-{seed}") for seed in SEEDS], indirect=True
)


@any_format
def test_commitment_needs_both_signatures(stage: Stage) -> None:
    assert stage.refusal(stage.signed) is None
    empty, first, second, script = stage.signed.inputs[0].witness
    for bad in ((empty, second, first, script), (empty, first, first, script), (empty, first, script)):
        assert stage.refusal(stage.signed.with_witness(0, bad)) == SCRIPT_REFUSED


@any_format
def test_local_takes_to_local_after_the_delay(stage: Stage) -> None:
    """B05-local-commit-n-02"""
    spend = sweep_to_local(stage.commitment, stage.channel.local_delayed_key(stage.commitment))
    assert spend is not None
    delay = stage.channel.to_self_delay
    stage.confirm()
    stage.chain.mine(delay - 2)
    assert stage.refusal(swept(spend)) == TOO_EARLY_CSV
    assert stage.refusal(swept(replace(spend, sequence=delay - 1))) == SCRIPT_REFUSED
    stage.chain.mine()
    assert stage.refusal(swept(spend)) is None


@any_format
def test_remote_takes_revoked_to_local_at_once(stage: Stage) -> None:
    """B05-revoked-commit-l-03"""
    spend = penalise_to_local(stage.commitment, stage.channel.revocation_key(stage.commitment))
    assert spend is not None
    assert stage.refusal(swept(spend), stage.signed) is None
    wrong = replace(spend, key=stage.channel.local_delayed_key(stage.commitment))
    assert stage.refusal(swept(wrong), stage.signed) == SCRIPT_REFUSED


@any_format
def test_remote_takes_to_remote(stage: Stage) -> None:
    """At once as p2wpkh, one block later with anchors."""
    transaction = swept(sweep_to_remote(stage.commitment, stage.channel.remote.secrets.payment_basepoint_secret))
    has_anchors = stage.channel.commitment_format is ANCHORS
    assert stage.refusal(transaction, stage.signed) == (TOO_EARLY_CSV if has_anchors else None)
    stage.confirm()
    assert stage.refusal(transaction) is None


@any_format
def test_htlc_timeout_is_valid_from_the_expiry(stage: Stage) -> None:
    stage.confirm()
    for vout in sorted(
        stage.vouts(OutputRole.OFFERED_HTLC), key=lambda vout: stage.commitment.htlc_at(vout).cltv_expiry
    ):
        unsigned, signed = stage.second_stage(vout)
        stage.mine_to(unsigned.htlc.cltv_expiry - 1)
        assert stage.refusal(signed) == TOO_EARLY_CLTV
        stage.mine_to(unsigned.htlc.cltv_expiry)
        assert stage.refusal(signed) is None
        by_local_alone = stage.channel.local_htlc_key(stage.commitment).sign(unsigned.remote_digest())
        forged = unsigned.complete(by_local_alone, stage.channel.local_htlc_key(stage.commitment))
        assert stage.refusal(forged) == SCRIPT_REFUSED


@any_format
def test_htlc_success_needs_the_preimage(stage: Stage) -> None:
    has_anchors = stage.channel.commitment_format is ANCHORS
    for vout in stage.vouts(OutputRole.RECEIVED_HTLC):
        unsigned, signed = stage.second_stage(vout)
        assert stage.refusal(signed, stage.signed) == (TOO_EARLY_CSV if has_anchors else None)
    stage.confirm()
    for vout in stage.vouts(OutputRole.RECEIVED_HTLC):
        unsigned, signed = stage.second_stage(vout)
        assert stage.refusal(signed) is None
        key = stage.channel.local_htlc_key(stage.commitment)
        wrong = unsigned.complete(stage.htlc_signature(vout), key, bytes(32))
        assert stage.refusal(wrong) == SCRIPT_REFUSED


@any_format
def test_local_takes_htlc_transactions_outputs_after_the_delay(stage: Stage) -> None:
    """B05-local-commit-local-offers-n-06, B05-local-commit-remote-offers-l-06"""
    stage.confirm()
    stage.mine_to(max(htlc.cltv_expiry for htlc in stage.commitment.params.htlcs))
    stages = [stage.second_stage(vout) for vout in stage.commitment.htlc_vouts()]
    stage.confirm(*(signed for _, signed in stages))
    key = stage.channel.local_delayed_key(stage.commitment)
    transactions = [
        swept(sweep_htlc_transaction(stage.commitment, unsigned, second_stage_outpoint(signed), key))
        for unsigned, signed in stages
    ]
    stage.chain.mine(stage.channel.to_self_delay - 2)
    assert {stage.refusal(item) for item in transactions} == {TOO_EARLY_CSV}
    stage.chain.mine()
    assert {stage.refusal(item) for item in transactions} == {None}


@any_format
def test_remote_takes_outputs_of_revoked_htlc_transactions_at_once(stage: Stage) -> None:
    """B05-revoked-commit-l-06, B05-revoked-commit-l-09, B05-revoked-commit-l-10, B05-revoked-commit-l-11"""
    stage.confirm()
    stage.mine_to(max(htlc.cltv_expiry for htlc in stage.commitment.params.htlcs))
    key = stage.channel.revocation_key(stage.commitment)
    for vout in stage.commitment.htlc_vouts():
        unsigned, signed = stage.second_stage(vout)
        spend = penalise_htlc_transaction(stage.commitment, unsigned, second_stage_outpoint(signed), key)
        assert stage.refusal(swept(spend), signed) is None


@any_format
def test_remote_takes_offered_htlc_with_the_preimage(stage: Stage) -> None:
    """B05-remote-commit-remote-offers-l-01, B05-revoked-commit-l-05"""
    key, has_anchors = stage.channel.remote_htlc_key(stage.commitment), stage.channel.commitment_format is ANCHORS
    vouts = stage.vouts(OutputRole.OFFERED_HTLC)
    spends = [claim_htlc_with_preimage(stage.commitment, vout, key, stage.preimage(vout)) for vout in vouts]
    assert stage.refusal(swept(*spends), stage.signed) == (TOO_EARLY_CSV if has_anchors else None)
    stage.confirm()
    assert stage.refusal(swept(*spends)) is None
    wrong = replace(spends[0], witness_tail=(bytes(32), *spends[0].witness_tail[1:]))
    assert stage.refusal(swept(wrong)) == SCRIPT_REFUSED


@any_format
def test_remote_takes_received_htlc_from_the_expiry(stage: Stage) -> None:
    """B05-remote-commit-local-offers-l-02, B05-revoked-commit-l-08"""
    key = stage.channel.remote_htlc_key(stage.commitment)
    vouts = stage.vouts(OutputRole.RECEIVED_HTLC)
    spends = [claim_expired_htlc(stage.commitment, vout, key) for vout in vouts]
    last = max(spend.locktime for spend in spends)
    stage.confirm()
    stage.mine_to(last - 1)
    assert stage.refusal(swept(*spends)) == TOO_EARLY_CLTV
    earlier = [replace(spend, locktime=0) for spend in spends]
    assert stage.refusal(swept(*earlier)) == SCRIPT_REFUSED
    stage.mine_to(last)
    assert stage.refusal(swept(*spends)) is None


@any_format
def test_remote_takes_revoked_htlcs_at_once(stage: Stage) -> None:
    """B05-revoked-commit-l-04, B05-revoked-commit-l-07"""
    key = stage.channel.revocation_key(stage.commitment)
    for vout in stage.commitment.htlc_vouts():
        assert stage.refusal(swept(penalise_htlc(stage.commitment, vout, key)), stage.signed) is None
        wrong = replace(penalise_htlc(stage.commitment, vout, key), key=stage.channel.local_htlc_key(stage.commitment))
        assert stage.refusal(swept(wrong), stage.signed) == SCRIPT_REFUSED


@any_format
def test_one_penalty_transaction_takes_everything(stage: Stage) -> None:
    """B05-revoked-commit-l-13, B05-revoked-commit-l-15"""
    stage.confirm()
    spends = penalise_commitment(stage.commitment, stage.channel.revocation_key(stage.commitment))
    main = sweep_to_remote(stage.commitment, stage.channel.remote.secrets.payment_basepoint_secret)
    assert main is not None
    transaction = swept(*spends, main)
    assert stage.refusal(transaction) is None
    assert len(spends) == 1 + len(stage.commitment.params.htlcs)
    # A signature has 71 or 72 bytes with its sighash type, against the 73 that are expected.
    slack = spend_weight((*spends, main), WALLET) - transaction.weight()
    assert len(spends) + 1 <= slack <= 4 * (len(spends) + 1)


@with_anchors
def test_each_owner_takes_its_anchor_at_once(stage: Stage) -> None:
    """B05-failing-channel-n-07"""
    coin = stage.wallet_coin(100_000)
    for role, peer, other in (
        (OutputRole.TO_LOCAL_ANCHOR, stage.channel.local, stage.channel.remote),
        (OutputRole.TO_REMOTE_ANCHOR, stage.channel.remote, stage.channel.local),
    ):
        spend = sweep_anchor(stage.commitment, role, peer.funding_key)
        assert spend is not None
        assert stage.refusal(swept(spend, coin), stage.signed) is None
        wrong = replace(spend, key=other.funding_key)
        assert stage.refusal(swept(wrong, coin), stage.signed) == SCRIPT_REFUSED


@with_anchors
def test_anybody_takes_an_anchor_after_sixteen_blocks(stage: Stage) -> None:
    coin = stage.wallet_coin(100_000)
    vouts = stage.vouts(OutputRole.TO_LOCAL_ANCHOR) + stage.vouts(OutputRole.TO_REMOTE_ANCHOR)
    anchors = tuple(abandoned_anchor_input(stage.commitment, vout) for vout in vouts)
    unsigned = Transaction((TxInput(coin.outpoint, coin.sequence), *anchors), (TxOutput(90_000, WALLET),))
    transaction = sign_spends(unsigned, [coin])
    stage.confirm()
    stage.chain.mine(14)
    assert stage.refusal(transaction) == TOO_EARLY_CSV
    stage.chain.mine()
    assert stage.refusal(transaction) is None


@with_anchors
def test_htlc_transactions_are_combined_with_a_coin_that_pays(stage: Stage) -> None:
    """B05-htlc-tx-l-01, B05-htlc-tx-l-02, B05-htlc-tx-b-01, B05-htlc-tx-n-02"""
    coin = stage.wallet_coin(100_000)
    stage.confirm()
    vouts = stage.vouts(OutputRole.RECEIVED_HTLC)
    members = [build_htlc_transaction(stage.commitment, vout) for vout in vouts]
    combined = combine(members, [TxInput(coin.outpoint, coin.sequence)], [TxOutput(90_000, WALLET)])
    signed = sign_spends(combined, [coin])
    for index, (vout, member) in enumerate(zip(vouts, members, strict=True)):
        key = stage.channel.local_htlc_key(stage.commitment)
        witness = member.witness(combined, index, stage.htlc_signature(vout), key, stage.preimage(vout))
        signed = signed.with_witness(index, witness)
    assert stage.refusal(signed) is None
    stolen = replace(signed, outputs=(*signed.outputs[:-1], TxOutput(90_000, signed.outputs[0].script_pubkey)))
    assert stage.refusal(stolen) == SCRIPT_REFUSED
    stage.confirm(signed)
    key = stage.channel.revocation_key(stage.commitment)
    penalties = [
        penalise_htlc_transaction(stage.commitment, member, second_stage_outpoint(signed, index), key)
        for index, member in enumerate(members)
    ]
    assert stage.refusal(swept(*penalties)) is None
