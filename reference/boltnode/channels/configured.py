"""The engine that a node's options ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

from boltchain.client.connection import Endpoint
from boltchain.server.process import ServerProcess
from boltnode.channels.engine import ChannelEngine
from boltnode.options import BadOption, Options


@contextmanager
def engine_for(options: Options) -> Iterator[ChannelEngine | None]:
    """The engine on the chain that is configured, which is served meanwhile if that is asked for; None without one.

    :class:`BadOption` for options that do not fit together, and for a chain that cannot be served.
    """
    if not options.serve_chain:
        endpoint = _endpoint(options)
        yield None if endpoint is None else _engine(options, endpoint)
        return
    if options.bitcoin_rpcport or options.network != "regtest":
        raise BadOption("serve-chain is for regtest, and takes the place of bitcoin-rpcport")
    with _serving(options) as server:
        yield _engine(options, server.endpoint)


def _engine(options: Options, endpoint: Endpoint) -> ChannelEngine:
    return ChannelEngine(endpoint, feerate_per_kw=options.force_feerate or None)


def _endpoint(options: Options) -> Endpoint | None:
    if not options.bitcoin_rpcport:
        return None
    user, password = options.bitcoin_rpcuser, options.bitcoin_rpcpassword
    if bool(user) != bool(password):
        raise BadOption("bitcoin-rpcuser and bitcoin-rpcpassword belong together")
    if user:
        return Endpoint(options.bitcoin_rpcport, credentials=f"{user}:{password}")
    return Endpoint(options.bitcoin_rpcport, cookie=options.bitcoin_cookie)


def _serving(options: Options) -> ServerProcess:
    try:
        options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return ServerProcess(options.chain_folder, port=options.serve_chain)
    except (OSError, RuntimeError) as error:
        raise BadOption(f"serve-chain: {error}") from error
