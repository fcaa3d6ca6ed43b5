"""Coverage-guided fuzzing of everything in BOLT 4 that reads bytes from others (needs ``atheris``).

    python tests/fuzz/fuzz_onion.py [--target NAME ...] --runs 1000000

A target fails on any exception but the documented one, and where what was read does not encode to the same bytes. Its
inputs start from ``corpus/onion_NAME``, which the test suite replays; ``--keep DIR`` collects new ones. Inputs that
lie behind a MAC are sealed with the right keys first, since an adversary can do that as well.
"""

import argparse
import hmac
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from boltwire.errors import OnionError
from boltwire.onion.attribution import from_bytes
from boltwire.onion.blinded_path import BlindedPath
from boltwire.onion.blinding import seal, unblind
from boltwire.onion.construction import OnionHop, construct_onion
from boltwire.onion.encrypted_data import EncryptedDataTlv
from boltwire.onion.failure_codec import decode_failure, encode_failure
from boltwire.onion.keys import KeyType, derive_key, hop_secrets
from boltwire.onion.onion_message import OnionmsgTlv, peel_onion_message
from boltwire.onion.origin import read_failure
from boltwire.onion.packet import OnionPacket
from boltwire.onion.payload import Payload
from boltwire.onion.peeling import peel_onion
from boltwire.onion.rejection import InvalidOnionBlinding, InvalidOnionPayload, UnreadableOnionError
from boltwire.onion.return_packet import ReturnedFailure, hide
from boltwire.onion.stream import apply_stream
from boltwire.secp256k1 import PrivateKey

CORPUS = Path(__file__).parent / "corpus"
NODE = PrivateKey(b"\x41" * 32)
SESSION = PrivateKey(b"\x42" * 32)
PATH_KEY = PrivateKey(b"\x43" * 32).public_key
SECRETS = [bytes((number,)) * 32 for number in (1, 2, 3)]
((_, ONION_SECRET),) = hop_secrets(SESSION, [NODE.public_key])
PATH_SECRET = NODE.ecdh(PATH_KEY)
BLINDED_ID = NODE.public_key.multiply(derive_key(KeyType.BLINDED_NODE_ID, PATH_SECRET))
ATTRIBUTION_SIZE = 920


def peel_packet(data: bytes) -> None:
    """Any bytes as an onion packet, with and without a path key."""
    try:
        packet = OnionPacket.decode(data)
    except OnionError:
        return
    assert packet.encode() == data
    for path_key in (None, PATH_KEY.encoded, packet.public_key):
        try:
            peel_onion(packet, NODE, b"", path_key)
        except UnreadableOnionError as error:
            error.report(packet)


def peel_area(data: bytes) -> None:
    """An authentic onion whose payload area, revealed, starts with the input."""
    area = apply_stream(derive_key(KeyType.RHO, ONION_SECRET), data[:1300].ljust(1300, b"\x07"))
    mac = hmac.digest(derive_key(KeyType.MU, ONION_SECRET), area, "sha256")
    packet = OnionPacket(0, SESSION.public_key.encoded, area, mac)
    try:
        peeled = peel_onion(packet, NODE)
    except InvalidOnionPayload as error:
        error.report(packet)
        return
    assert len(peeled.payload) >= 2
    assert peeled.next_packet is None or len(peeled.next_packet.hop_payloads) == 1300


def read_payload(data: bytes) -> None:
    """The payload of a payment's hop."""
    try:
        payload = Payload.decode(data)
    except InvalidOnionPayload:
        return
    assert payload.encode() == data
    for path_key in (None, PATH_KEY.encoded):
        try:
            payload.path_key(path_key)
        except InvalidOnionBlinding:
            continue


def read_onionmsg(data: bytes) -> None:
    """The payload of an onion message's hop, with a reply path."""
    try:
        payload = OnionmsgTlv.decode(data)
    except InvalidOnionPayload:
        return
    assert payload.encode() == data


def open_data(data: bytes) -> None:
    """Data of a blinded hop, sealed as its creator would."""
    try:
        hop = unblind(seal(data, PATH_SECRET), PATH_KEY.encoded, NODE)
    except InvalidOnionBlinding:
        return
    assert hop.data.encode() == data
    assert EncryptedDataTlv.decode(data) == hop.data


def open_sealed(data: bytes) -> None:
    """Any bytes as sealed data, the first 33 as path key."""
    try:
        unblind(data[33:], data[:33], NODE)
    except InvalidOnionBlinding:
        return


def open_message(data: bytes) -> None:
    """An authentic onion message that says any bytes."""
    if not 2 <= len(data) <= 1200:
        return
    packet = construct_onion([OnionHop(BLINDED_ID, data)], SESSION).packet
    try:
        peeled = peel_onion_message(packet, PATH_KEY.encoded, NODE)
    except UnreadableOnionError:
        return
    assert peeled.payload.encode() == data


def read_path(data: bytes) -> None:
    """A blinded path."""
    try:
        path = BlindedPath.decode(data)
    except OnionError:
        return
    assert path.encode() == data


def read_failuremsg(data: bytes) -> None:
    """A failure message."""
    try:
        failure = decode_failure(data)
    except OnionError:
        return
    assert data.startswith(encode_failure(failure))


def read_answer(data: bytes) -> None:
    """Any bytes as a return packet, behind 920 bytes of attribution data if there are as many; never an error."""
    attribution_data = from_bytes(data[:ATTRIBUTION_SIZE]) if len(data) > ATTRIBUTION_SIZE else None
    reason = data if attribution_data is None else data[ATTRIBUTION_SIZE:]
    report = read_failure(SECRETS, ReturnedFailure(reason, attribution_data))
    assert report.erring_hop is None


def read_made_answer(data: bytes) -> None:
    """A return packet that a node has made of any bytes."""
    mac = hmac.digest(derive_key(KeyType.UM, SECRETS[0]), data, "sha256")
    report = read_failure(SECRETS[:1], ReturnedFailure(hide(SECRETS[0], mac + data)))
    assert report.erring_hop == 0
    assert report.failuremsg is None or report.failuremsg in data


TARGETS: dict[str, Callable[[bytes], None]] = {
    "packet": peel_packet,
    "area": peel_area,
    "payload": read_payload,
    "onionmsg": read_onionmsg,
    "data": open_data,
    "sealed": open_sealed,
    "message": open_message,
    "path": read_path,
    "failuremsg": read_failuremsg,
    "answer": read_answer,
    "made_answer": read_made_answer,
}
"""What can be fuzzed, by name."""


def fuzz(name: str, runs: int, seed: int, keep: Path | None) -> None:
    """Run one target; ends the process."""
    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    folders = [str(folder) for folder in (keep, CORPUS / f"onion_{name}") if folder is not None]
    atheris.Setup([sys.argv[0], f"-runs={runs}", f"-seed={seed}", "-max_len=2400", *folders], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    """One process per target; the exit code is 0 if none of them found anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", choices=TARGETS, help="may be repeated; default: all")
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs per target")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations")
    parser.add_argument("--keep", type=Path, help="folder for inputs that reach something new")
    options = parser.parse_args()
    names = options.target or list(TARGETS)
    if len(names) == 1:
        fuzz(names[0], options.runs, options.seed, options.keep)
    failed = [name for name in names if _run(name, options)]
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def _run(name: str, options: argparse.Namespace) -> int:
    """The exit code of a process for one target."""
    arguments = ["--target", name, "--runs", str(options.runs), "--seed", str(options.seed)]
    if options.keep is not None:
        folder = options.keep / name
        folder.mkdir(parents=True, exist_ok=True)
        arguments += ["--keep", str(folder)]
    return subprocess.run([sys.executable, __file__, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
