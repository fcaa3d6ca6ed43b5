"""The chains that traces are replayed on, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from boltchain.bitcoind import BitcoindChain
from boltchain.embedded import EmbeddedChain
from boltchain.interface import Chain
from boltchain.provision import HOW_TO_PROVIDE, find_bitcoind

CHAINS = ("kernel", "bitcoind")
"""Bitcoin Core's consensus library inside this process, and a ``bitcoind`` of its own."""

RENEW_AFTER = 600
"""Blocks and checks after which an embedded chain is worth replacing: it slows down with all that it has processed."""


class NoBitcoind(LookupError):
    """There is no ``bitcoind`` to replay on; the text says how to provide one."""


@contextmanager
def open_chain(name: str) -> Iterator[Chain]:
    """Start a chain and stop it in the end; :class:`NoBitcoind` if it takes a program that is not here."""
    if name not in CHAINS:
        raise ValueError(f"no such chain: {name}; there are {', '.join(CHAINS)}")
    if name == "kernel":
        with EmbeddedChain() as embedded:
            yield embedded
        return
    try:
        program = find_bitcoind()
    except FileNotFoundError as wrong:
        raise NoBitcoind(f"{wrong}; {HOW_TO_PROVIDE}") from wrong
    if program is None:
        raise NoBitcoind(f"looked for bitcoind in $BITCOIND, on the PATH and in .cache: {HOW_TO_PROVIDE}")
    with BitcoindChain.start(program) as real:
        yield real


def name_of(chain: Chain) -> str:
    """The name of a chain's kind, as in :data:`CHAINS`; that of its class for any other."""
    if isinstance(chain, EmbeddedChain):
        return "kernel"
    return "bitcoind" if isinstance(chain, BitcoindChain) else type(chain).__name__


class _CountedChain(EmbeddedChain):
    """An embedded chain that counts what it was asked: to the library every check is a block."""

    def __init__(self) -> None:
        self.checks = 0
        super().__init__()

    def check(self, transaction: bytes, after: Sequence[bytes] = ()) -> str | None:
        """Why consensus would refuse the transaction: see `EmbeddedChain.check`."""
        self.checks += 1
        return super().check(transaction, after)


class KernelPool:
    """An embedded chain for many replays, replaced by a new one before it gets slow."""

    def __init__(self) -> None:
        self._chain = _CountedChain()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._chain.close()

    def chain(self) -> EmbeddedChain:
        """The chain for the next replay; those given before are of no use any more."""
        if self._chain.height() + self._chain.checks >= RENEW_AFTER:
            self._chain.close()
            self._chain = _CountedChain()
        return self._chain
