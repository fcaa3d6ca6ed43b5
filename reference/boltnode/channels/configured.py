"""The engine that a node's options ask for: on the bitcoind that is configured, or on a chain of the node's own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from boltchain.client.connection import Endpoint
from boltchain.server.process import ServerProcess
from boltnode.channels.engine import ChannelEngine
from boltnode.options import BadOption, Options


class CannotServe(OSError):
    """The chain of the node's own cannot be served; the text has the end of the server's log."""


def engine_for(options: Options) -> AbstractContextManager[ChannelEngine]:
    """The engine, whose chain is there while the context is open. BadOption for options that do not fit together.

    A chain of the node's own is served from the moment that the context is entered, which raises
    :class:`CannotServe` if it cannot be; so whoever enters it has the node's folder for itself.
    """
    endpoint = _configured(options)
    if endpoint is not None:
        return nullcontext(_engine(options, endpoint))
    if options.network != "regtest":
        raise BadOption(f"{options.network} needs a bitcoind: bitcoin-rpcport says where. Only regtest can be served")
    return _on_own_chain(options)


def _configured(options: Options) -> Endpoint | None:
    user, password = options.bitcoin_rpcuser, options.bitcoin_rpcpassword
    if bool(user) != bool(password):
        raise BadOption("bitcoin-rpcuser and bitcoin-rpcpassword belong together")
    if not options.bitcoin_rpcport:
        return None
    if options.serve_chain:
        raise BadOption("serve-chain takes the place of bitcoin-rpcport: only one of them can be given")
    if user:
        return Endpoint(options.bitcoin_rpcport, credentials=f"{user}:{password}")
    return Endpoint(options.bitcoin_rpcport, cookie=options.bitcoin_cookie)


@contextmanager
def _on_own_chain(options: Options) -> Iterator[ChannelEngine]:
    try:
        server = ServerProcess(options.chain_folder, port=options.serve_chain)
    except RuntimeError as error:
        raise CannotServe(str(error)) from error
    with server:
        yield _engine(options, server.endpoint)


def _engine(options: Options, endpoint: Endpoint) -> ChannelEngine:
    return ChannelEngine(endpoint, feerate_per_kw=options.force_feerate or None)
