"""Speed of BOLT 3: commitment transactions built, signed and verified; secrets, keys, penalties and parsing.

``BENCHES`` lists (name, call, units per call, unit, target per second or None).
"""

import hashlib
import time
from collections.abc import Callable

from boltwire.commitment import CommitmentParams, CommitmentTerms, HtlcOutput, build_commitment
from boltwire.commitment_format import CommitmentFormat
from boltwire.commitment_signatures import SignatureCheck, check_signatures, complete_commitment, sign_commitment
from boltwire.funding import FundingOutput, obscuring_factor
from boltwire.keys import BasepointSecrets, CommitmentKeys, derive_revocation_private_key
from boltwire.penalty import penalise_commitment
from boltwire.per_commitment_secrets import SecretStore, generate_from_seed, secret_index
from boltwire.scripts import p2wpkh
from boltwire.secp256k1 import PrivateKey
from boltwire.spend import build_spend
from boltwire.transaction import Outpoint, parse_transaction

HTLCS = 10
MANY_HTLCS = 483


def key(name: str) -> PrivateKey:
    """A key drawn from its name."""
    return PrivateKey(hashlib.sha256(name.encode()).digest())


LOCAL, REMOTE = (BasepointSecrets(*(key(f"{peer} {n}") for n in range(4))) for peer in ("local", "remote"))
LOCAL_FUNDING, REMOTE_FUNDING = key("local funding"), key("remote funding")
PER_COMMITMENT = key("per commitment")
DESTINATION = p2wpkh(key("wallet").public_key.encoded)
SEED = bytes(range(32))


def parameters(commitment_format: CommitmentFormat, htlcs: int) -> CommitmentParams:
    """A commitment transaction of local with half of the HTLCs in either direction, none trimmed."""
    outpoint = Outpoint(bytes(32), 0)
    funding = FundingOutput(outpoint, 100_000_000, LOCAL_FUNDING.public_key, REMOTE_FUNDING.public_key)
    local, remote = LOCAL.basepoints(), REMOTE.basepoints()
    factor = obscuring_factor(local.payment_basepoint, remote.payment_basepoint)
    terms = CommitmentTerms(commitment_format, funding, local, remote, factor, True, 546, 144)
    entries = tuple(
        HtlcOutput(index % 2 == 0, 20_000_000 + index, hashlib.sha256(bytes([index % 256])).digest(), 800_000 + index)
        for index in range(htlcs)
    )
    return CommitmentParams(terms, 7, PER_COMMITMENT.public_key, 2500, 40_000_000_000, 40_000_000_000, entries)


def round_trip(params: CommitmentParams) -> Callable[[], None]:
    """Build once, sign as remote, verify as local."""

    def call() -> None:
        commitment = build_commitment(params)
        signatures = sign_commitment(commitment, REMOTE_FUNDING, REMOTE.htlc_basepoint_secret)
        if check_signatures(commitment, signatures) is not SignatureCheck.VALID:
            raise AssertionError("own signatures do not verify")

    return call


STATIC = parameters(CommitmentFormat.STATIC_REMOTEKEY, HTLCS)
ANCHORS = parameters(CommitmentFormat.ANCHORS_ZERO_FEE_HTLC, HTLCS)
FULL = parameters(CommitmentFormat.ANCHORS_ZERO_FEE_HTLC, MANY_HTLCS)
BUILT = build_commitment(ANCHORS)
SIGNED = complete_commitment(
    BUILT, sign_commitment(BUILT, REMOTE_FUNDING, REMOTE.htlc_basepoint_secret).signature, LOCAL_FUNDING
)
RAW = SIGNED.serialize()
SECRETS = [generate_from_seed(SEED, secret_index(number)) for number in range(1000)]
REVOCATION_KEY = derive_revocation_private_key(REMOTE.revocation_basepoint_secret, PER_COMMITMENT)


def build() -> None:
    build_commitment(ANCHORS)


def derive_keys() -> None:
    CommitmentKeys.derive(ANCHORS.terms.local, ANCHORS.terms.remote, ANCHORS.per_commitment_point)


def penalise() -> None:
    build_spend(penalise_commitment(BUILT, REVOCATION_KEY), DESTINATION, 2500)


def store_secrets() -> None:
    store = SecretStore()
    for number, secret in enumerate(SECRETS):
        store.insert(secret_index(number), secret)


def generate_secret() -> None:
    generate_from_seed(SEED, secret_index(12345))


def parse() -> None:
    parse_transaction(RAW)


def serialize() -> None:
    SIGNED.serialize()


BENCHES: list[tuple[str, Callable[[], object], int, str, float | None]] = [
    ("commitment with 10 HTLCs (anchors): build, sign, verify", round_trip(ANCHORS), 1, "commitment", 300),
    ("commitment with 10 HTLCs (static_remotekey): build, sign, verify", round_trip(STATIC), 1, "commitment", 300),
    ("commitment with 483 HTLCs (anchors): build, sign, verify", round_trip(FULL), 1, "commitment", None),
    ("commitment with 10 HTLCs (anchors): build", build, 1, "commitment", None),
    ("keys of a commitment: derive", derive_keys, 1, "commitment", None),
    ("penalty of a commitment with 10 HTLCs: build and sign", penalise, 1, "penalty", None),
    ("per-commitment secrets: insert 1000", store_secrets, len(SECRETS), "secret", None),
    ("per-commitment secrets: generate", generate_secret, 1, "secret", None),
    ("transaction with 14 outputs: parse", parse, 1, "transaction", None),
    ("transaction with 14 outputs: serialise", serialize, 1, "transaction", None),
]


def measure(call: Callable[[], object], seconds: float = 0.5) -> float:
    """Calls per second: the median of five runs."""
    call()
    rates = []
    for _ in range(5):
        calls, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < seconds / 5:
            call()
            calls += 1
        rates.append(calls / spent)
    return sorted(rates)[2]


if __name__ == "__main__":
    for name, call, units, unit, target in BENCHES:
        aim = f" (target {target:.0f})" if target else ""
        print(f"{measure(call) * units:>10.0f} {unit}/s  {name}{aim}")
