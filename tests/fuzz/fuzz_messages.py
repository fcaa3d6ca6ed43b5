"""Fuzz what reads bytes of BOLTs 1, 2, 7, 8 and 9: only the documented exceptions, and what is read comes back.

    python tests/fuzz/fuzz_messages.py message --runs 1000000
    python tests/fuzz/fuzz_messages.py all --runs 100000 --seed 7 --mutator

With atheris installed the search is guided by coverage; without it, or with ``--mutator``, inputs are random changes of
the corpus, a function of the seed. A failing input is printed with the command that runs it again (``--input HEX``),
and belongs into ``corpus/wire_NAME`` once it is fixed: the tests replay everything there.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from boltwire import messages as m
from boltwire.addresses import decode_address, decode_addresses, encode_addresses
from boltwire.alias import printable_alias
from boltwire.bigsize import decode_bigsize, encode_bigsize
from boltwire.channel_type import decode_channel_type, encode_channel_type
from boltwire.codec import decode_message, encode_message
from boltwire.diagnostics import text_of
from boltwire.errors import MessageError, TlvError, TransportError
from boltwire.features import Context as FeatureContext
from boltwire.features import FeatureBits, restrict, with_dependencies
from boltwire.fields import EncodedQueryFlags, EncodedTimestamps
from boltwire.frames import FrameDecryptor, FrameEncryptor
from boltwire.gossip_arrays import (
    decode_query_flags,
    decode_short_ids,
    decode_timestamps,
    encode_query_flags,
    encode_short_ids,
    encode_timestamps,
)
from boltwire.interactive_messages import check_add_input, check_witnesses
from boltwire.noise import ACT_ONE_SIZE, ACT_THREE_SIZE, Initiator, Responder
from boltwire.peer_init import accept_init, has_common_chain
from boltwire.peer_storage import unseal
from boltwire.points import invalid_points
from boltwire.primitives import decode_sciddir_or_pubkey, decode_truncated, decode_utf8, encode_sciddir_or_pubkey
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PrivateKey
from boltwire.sender_rules import broken_sender_rules, missing_negotiated_fields
from boltwire.tlv import decode_tlv_stream, encode_tlv_stream

CORPUS = Path(__file__).parent / "corpus"
KEY = b"\x41" * 32
ALICE, BOB, EPHEMERAL = (PrivateKey(bytes((number,)) * 32) for number in (1, 2, 3))

Target = Callable[[bytes], None]


def read_bigsize(data: bytes) -> None:
    """A BigSize in front of any bytes."""
    try:
        value, end = decode_bigsize(data)
    except TlvError:
        return
    assert encode_bigsize(value) == data[:end]


def read_tlv(data: bytes) -> None:
    """A TLV stream."""
    try:
        records = decode_tlv_stream(data)
    except TlvError:
        return
    assert encode_tlv_stream(records) == data


def read_types(data: bytes) -> None:
    """Fundamental types."""
    for read in (
        decode_utf8,
        lambda part: decode_truncated(part, 64),
        lambda part: ShortChannelId.parse(decode_utf8(part)),
    ):
        try:
            read(data)
        except TlvError:
            continue
    try:
        found, end = decode_sciddir_or_pubkey(data)
    except TlvError:
        return
    assert encode_sciddir_or_pubkey(found) == data[:end]


def read_message(data: bytes) -> None:
    """A message, and whatever looks into its fields."""
    try:
        message = decode_message(data)
    except MessageError:
        return
    assert encode_message(message) == data
    if isinstance(message, m.UnknownMessage):
        return
    broken_sender_rules(message)
    invalid_points(message)
    missing_negotiated_fields(message, frozenset(["option_scid_alias"]))
    try:
        look_into(message)
    except MessageError:
        return


def look_into(message: m.Message) -> None:
    """The readers of single fields."""
    match message:
        case m.Init():
            has_common_chain(message, [])
            accept_init(message)
        case m.Error() | m.Warning():
            assert text_of(message).isprintable()
        case m.NodeAnnouncement():
            assert printable_alias(message.alias).isprintable()
            decode_addresses(message.addresses)
        case m.QueryShortChannelIds(query_flags=EncodedQueryFlags() as flags):
            decode_query_flags(flags, len(decode_short_ids(message.encoded_short_ids)))
        case m.ReplyChannelRange(timestamps_tlv=EncodedTimestamps() as timestamps):
            decode_timestamps(timestamps, len(decode_short_ids(message.encoded_short_ids)))
        case m.TxAddInput():
            check_add_input(message)
        case m.TxSignatures():
            check_witnesses(message)
        case m.PeerStorageRetrieval():
            unseal(KEY, message)
        case m.OpenChannel() | m.AcceptChannel():
            decode_channel_type(message.channel_type or b"")


def read_addresses(data: bytes) -> None:
    """Address descriptors, one or many."""
    with suppress(MessageError):
        str(decode_address(data))
    try:
        usable = decode_addresses(data).usable
    except MessageError:
        return
    in_order = tuple(sorted(usable, key=lambda address: address.type))
    assert decode_addresses(encode_addresses(usable)).usable == in_order
    assert all(str(address) for address in usable)


def read_gossip_arrays(data: bytes) -> None:
    """Arrays of scids, flags and timestamps; the first byte is the number of scids that the others go with."""
    with suppress(MessageError):
        scids = decode_short_ids(data)
        if list(scids) == sorted(set(scids)):
            assert encode_short_ids(scids) == data
    count = data[0] if data else 0
    with suppress(MessageError):
        flags = decode_query_flags(EncodedQueryFlags(0, data[1:]), count)
        assert encode_query_flags(flags, count).encoded_query_flags == data[1:]
    with suppress(MessageError):
        pairs = decode_timestamps(EncodedTimestamps(0, data[1:]), count)
        assert encode_timestamps(pairs).encoded_timestamps == data[1:]


def read_features(data: bytes) -> None:
    """A feature bit map and a channel type."""
    bits = FeatureBits.from_bytes(data)
    assert bits.to_bytes() == data.lstrip(b"\0")
    assert with_dependencies(bits).missing_dependencies() == []
    restrict(bits, FeatureContext.INIT)
    bits.unknown_required()
    try:
        assert encode_channel_type(decode_channel_type(data)) == data.lstrip(b"\0")
    except MessageError:
        return


def read_frames(data: bytes) -> None:
    """Any bytes as the stream of a peer, in pieces; then as an authentic message, altered by its last bytes."""
    decryptor = FrameDecryptor(KEY, KEY)
    try:
        decryptor.feed(data[:20])
        assert decryptor.feed(data[20:]) == []
        assert len(data) < 18
    except TransportError:
        assert len(data) >= 18
    message = data[:65535]
    frame = bytearray(FrameEncryptor(KEY, KEY).encrypt(message))
    assert FrameDecryptor(KEY, KEY).feed(bytes(frame)) == [message]
    if data:
        frame[int.from_bytes(data[-2:], "big") % len(frame)] ^= data[0] or 1
        try:
            assert FrameDecryptor(KEY, KEY).feed(bytes(frame)) == [], "an altered frame was accepted"
        except TransportError:
            return


def read_acts(data: bytes) -> None:
    """Any bytes as each act of a handshake; none of them can be authentic."""
    for act in (
        data,
        data[:ACT_ONE_SIZE].ljust(ACT_ONE_SIZE, b"\0"),
        data[:ACT_THREE_SIZE].ljust(ACT_THREE_SIZE, b"\0"),
    ):
        initiator, responder = Initiator(ALICE, BOB.public_key, EPHEMERAL), Responder(BOB, EPHEMERAL)
        act_one = initiator.act_one()
        for read in (Responder(BOB, EPHEMERAL).act_two, initiator.act_three):
            rejects(read, act, act_one)
        responder.act_two(act_one)
        rejects(responder.finish, act, b"")


def rejects(read: Callable[[bytes], object], act: bytes, authentic: bytes) -> None:
    """``read`` takes nothing but the authentic act."""
    try:
        read(act)
    except TransportError:
        return
    assert act == authentic


TARGETS: dict[str, Target] = {
    "bigsize": read_bigsize,
    "tlv": read_tlv,
    "types": read_types,
    "message": read_message,
    "addresses": read_addresses,
    "gossip_arrays": read_gossip_arrays,
    "features": read_features,
    "frames": read_frames,
    "acts": read_acts,
}
"""What can be fuzzed, by name; the corpus of each is ``corpus/wire_NAME``."""


def corpus(name: str) -> list[bytes]:
    """The seeds of a target, in a fixed order."""
    return [path.read_bytes() for path in sorted((CORPUS / f"wire_{name}").iterdir())]


def mutate(seeds: list[bytes], chance: random.Random) -> bytes:
    """One of ``seeds`` with up to four random changes."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        start = chance.randint(0, len(data))
        stop = start + chance.choice((0, 1, 1, 2, 8, 64))
        match chance.randrange(4):
            case 0:
                data[start:stop] = chance.randbytes(len(data[start:stop]))
            case 1:
                del data[start:stop]
            case 2:
                data[start:start] = chance.randbytes(chance.randint(1, 4))
            case _:
                other = chance.choice(seeds)
                data[start:stop] = other[chance.randint(0, len(other)) :][: chance.randint(0, 64)]
    return bytes(data)


def run_mutator(name: str, runs: int, seed: int) -> None:
    """``runs`` random inputs; a failing one is printed with the way to run it again, and raised."""
    chance, seeds, start = random.Random(seed), corpus(name), time.perf_counter()
    for count in range(runs):
        data = mutate(seeds, chance)
        try:
            TARGETS[name](data)
        except Exception:
            print(f"run {count} of seed {seed} failed; again: {sys.argv[0]} {name} --input {data.hex()}")
            raise
    print(f"{name}: {runs} runs of seed {seed} in {time.perf_counter() - start:.0f} s, no failure")


def run_atheris(name: str, runs: int, seed: int) -> None:
    """``runs`` inputs of libFuzzer, which ends the process by itself."""
    atheris = importlib.import_module("atheris")  # has no types, and need not be there
    atheris.instrument_all()
    found = tempfile.mkdtemp(prefix=f"fuzz-{name}-")
    options = [f"-runs={runs}", f"-seed={seed}", "-max_len=4096", "-print_final_stats=1", f"-artifact_prefix={found}/"]
    atheris.Setup([sys.argv[0], *options, found, str(CORPUS / f"wire_{name}")], TARGETS[name])
    atheris.Fuzz()


def run_all(options: argparse.Namespace, seed: int) -> int:
    """A process per target; the exit code is 0 if none of them found anything."""
    extra = ["--mutator"] if options.mutator else []
    command = [sys.executable, __file__]
    arguments = ["--runs", str(options.runs), "--seed", str(seed), *extra]
    failed = [name for name in TARGETS if subprocess.run([*command, name, *arguments], check=False).returncode]
    print(f"{len(TARGETS) - len(failed)} passed, {len(failed)} failed {' '.join(failed)}")
    return 1 if failed else 0


def main() -> int:
    """Parse the command line and fuzz."""
    parser = argparse.ArgumentParser(description="Fuzz the readers of messages and of the transport.")
    parser.add_argument("name", choices=[*TARGETS, "all"])
    parser.add_argument("--runs", type=int, default=100_000, help="number of inputs per target")
    parser.add_argument("--seed", type=int, default=None, help="of the random choices")
    parser.add_argument("--mutator", action="store_true", help="do without atheris")
    parser.add_argument("--input", type=bytes.fromhex, metavar="HEX", help="run this single input")
    options = parser.parse_args()
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    if options.name == "all":
        return run_all(options, seed)
    if options.input is not None:
        TARGETS[options.name](options.input)
        return 0
    guided = importlib.util.find_spec("atheris") is not None and not options.mutator
    (run_atheris if guided else run_mutator)(options.name, options.runs, seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
