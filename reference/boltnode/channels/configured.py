"""The engine that a node's options ask for."""

from boltchain.client.connection import Endpoint
from boltnode.channels.engine import ChannelEngine
from boltnode.options import BadOption, Options


def engine_for(options: Options) -> ChannelEngine | None:
    """The engine on the chain that is configured; None if none is. :class:`BadOption` for half a set of credentials."""
    if not options.bitcoin_rpcport:
        return None
    user, password = options.bitcoin_rpcuser, options.bitcoin_rpcpassword
    if bool(user) != bool(password):
        raise BadOption("bitcoin-rpcuser and bitcoin-rpcpassword belong together")
    if user:
        endpoint = Endpoint(options.bitcoin_rpcport, credentials=f"{user}:{password}")
    else:
        endpoint = Endpoint(options.bitcoin_rpcport, cookie=options.bitcoin_cookie)
    return ChannelEngine(endpoint, feerate_per_kw=options.force_feerate or None)
