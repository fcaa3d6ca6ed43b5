"""Fuzz the readers of BOLT 11 and BOLT 12: only the documented exceptions, and what is read comes back.

    python tests/fuzz/fuzz_strings.py bolt11 --runs 1000000
    python tests/fuzz/fuzz_strings.py bolt12 --runs 1000000 --seed 7 --mutator

With atheris installed the search is guided by coverage; without it, or with ``--mutator``, inputs are random changes of
the corpus, a function of the seed. A failing input is printed with the command that runs it again (``--input HEX``),
and belongs into ``corpus/`` once it is fixed: the tests replay everything there.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import random
import secrets
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FunctionType
from typing import Any

from boltwire.bech32 import encode_bech32
from boltwire.bolt11 import Bolt11Refused, decode, encode
from boltwire.bolt12 import Bolt12Refused, Invoice, InvoiceError, InvoiceRequest, Offer, decode_offer, encode_offer
from boltwire.bolt12.invoice_error import decode_invoice_error
from boltwire.bolt12.invoice_reader import check_invoice
from boltwire.bolt12.invoice_request_reader import check_invoice_request
from boltwire.bolt12.offer import check_offer
from boltwire.bolt12.signature import sign
from boltwire.errors import Bolt11Error, Bolt12Error
from boltwire.secp256k1 import PrivateKey

CORPUS = Path(__file__).parent / "corpus"
KEY = b"\x41" * 32
POINT = PrivateKey(KEY).public_key.encoded

Target = Callable[[bytes], None]


def fuzz_bolt11(data: bytes) -> None:
    """A text as it is, or ``human-readable part, newline, words`` which gets a correct checksum.

    What is read is signed by another key and read again, and must not have changed.
    """
    try:
        invoice = decode(_bolt11_text(data))
    except Bolt11Error:
        return
    try:
        text = encode(replace(invoice, payee=None), KEY, own_features=invoice.features)
    except Bolt11Refused:  # readers are told to accept more than writers may write
        return
    again = decode(text)
    # An empty field 9 is read, but not written: the order names it, without effect.
    unsigned: dict[str, Any] = {"signature": None, "payee": None, "field_order": ""}
    assert replace(again, **unsigned) == replace(invoice, **unsigned), text


def _bolt11_text(data: bytes) -> str:
    head, newline, words = data.partition(b"\n")
    if newline:
        with suppress(ValueError):
            return encode_bech32(head.decode("latin-1"), bytes(word & 31 for word in words))
    return data.decode("latin-1")


def fuzz_bolt12(data: bytes) -> None:
    """The first byte selects a message, the rest is its TLV stream, or the text of an offer."""
    select, body = data[:1], data[1:]
    with suppress(Bolt12Error):
        _BOLT12_READERS[select[0] % len(_BOLT12_READERS) if select else 0](body)


def _read_offer_text(body: bytes) -> None:
    offer = decode_offer(body.decode("latin-1"))
    with suppress(Bolt12Refused):
        assert decode_offer(encode_offer(offer)) == offer


def _read_offer(body: bytes) -> None:
    offer = Offer.decode(body)
    assert offer.encode() == body
    check_offer(offer)


def _read_request(body: bytes) -> None:
    """With the signature made right, so that the rules behind it are reached."""
    request = InvoiceRequest.decode(body)
    assert request.encode() == body
    with suppress(Bolt12Error):
        check_invoice_request(request)
    request = replace(request, invreq_payer_id=POINT, signature=None)
    check_invoice_request(replace(request, signature=sign("invoice_request", request.records(), KEY)))


def _read_invoice(body: bytes) -> None:
    """As for requests."""
    invoice = Invoice.decode(body)
    assert invoice.encode() == body
    with suppress(Bolt12Error):
        check_invoice(invoice)
    invoice = replace(invoice, invoice_node_id=POINT, signature=None)
    invoice = replace(invoice, signature=sign("invoice", invoice.records(), KEY))
    check_invoice(invoice)
    assert invoice.usable_paths()
    assert len(invoice.usable_fallbacks()) <= len(invoice.invoice_fallbacks or ())
    assert invoice.expires_at >= (invoice.invoice_created_at or 0)


def _read_invoice_error(body: bytes) -> None:
    assert InvoiceError.decode(body).encode() == body
    decode_invoice_error(body)


_BOLT12_READERS: tuple[Target, ...] = (
    _read_offer_text,
    _read_offer,
    _read_request,
    _read_invoice,
    _read_invoice_error,
)

TARGETS: dict[str, Target] = {"bolt11": fuzz_bolt11, "bolt12": fuzz_bolt12}
"""What can be fuzzed, by the name of the corpus."""


def corpus(name: str) -> list[bytes]:
    """The seeds of a target, in a fixed order."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def mutate(seeds: list[bytes], chance: random.Random) -> bytes:
    """One of ``seeds`` with one to six random changes."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(data))
        end = min(len(data), start + chance.choice((0, 1, 1, 2, 4, 32)))
        match chance.randrange(5):
            case 0 if data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            case 1:
                data[start:end] = chance.randbytes(end - start)
            case 2:
                del data[start:end]
            case 3:
                data[start:start] = data[start:end] or chance.randbytes(chance.randint(1, 4))
            case _:
                other = chance.choice(seeds)
                data[start:end] = other[: chance.randint(0, len(other))][-chance.randint(1, 40) :]
    return bytes(data)


def run_mutator(name: str, runs: int, seed: int) -> None:
    """``runs`` random inputs; the first failure is raised after the way to run it again was printed."""
    chance = random.Random(seed)  # reproducible on purpose
    seeds = corpus(name)
    for count in range(runs):
        data = mutate(seeds, chance)
        try:
            TARGETS[name](data)
        except Exception:
            print(f"run {count} of seed {seed} failed; again: {sys.argv[0]} {name} --input {data.hex()}")
            raise
        if count % 100_000 == 0:
            print(f"{name}: {count} runs", file=sys.stderr)
    print(f"{name}: {runs} runs of seed {seed}, no failure")


def _functions_to_watch() -> list[FunctionType]:
    """The functions and plain methods of the modules under test."""
    prefixes = ("boltwire.bolt1", "boltwire.bech32", "boltwire.tlv", "boltwire.bigsize", "boltwire.primitives")
    modules = [module for name, module in sys.modules.items() if name.startswith(prefixes)]
    owners = [*modules, *(value for module in modules for value in vars(module).values() if isinstance(value, type))]
    members = [getattr(value, "__func__", value) for owner in owners for value in vars(owner).values()]
    own = (value for value in members if isinstance(value, FunctionType) and value.__module__.startswith(prefixes))
    return list(dict.fromkeys(own))


def run_atheris(name: str, runs: int, seed: int) -> None:
    """``runs`` inputs of libFuzzer, which ends the process by itself."""
    atheris = importlib.import_module("atheris")  # has no types, and need not be there
    for function in _functions_to_watch():
        atheris.instrument_func(function)
    found = tempfile.mkdtemp(prefix=f"fuzz-{name}-")
    options = [f"-runs={runs}", f"-seed={seed}", "-max_len=1500", "-print_final_stats=1", f"-artifact_prefix={found}/"]
    atheris.Setup([sys.argv[0], *options, found, str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


def main() -> None:
    """Parse the command line and fuzz."""
    parser = argparse.ArgumentParser(description="Fuzz the readers of BOLT 11 and BOLT 12.")
    parser.add_argument("name", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=100_000, help="number of inputs")
    parser.add_argument("--seed", type=int, default=None, help="of the random choices")
    parser.add_argument("--mutator", action="store_true", help="do without atheris")
    parser.add_argument("--input", type=bytes.fromhex, metavar="HEX", help="run this single input")
    options = parser.parse_args()
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    if options.input is not None:
        TARGETS[options.name](options.input)
        return
    guided = importlib.util.find_spec("atheris") is not None and not options.mutator
    (run_atheris if guided else run_mutator)(options.name, options.runs, seed)


if __name__ == "__main__":
    main()
