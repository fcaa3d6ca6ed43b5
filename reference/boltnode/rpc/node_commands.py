"""Commands about the node itself: ``help``, ``getinfo``, ``decode``, ``stop``."""

from importlib.metadata import version

from boltnode.rpc.command import Command, Parameter, Result, required
from boltnode.rpc.context import RpcContext
from boltnode.rpc.errors import Code, RpcError, bad_parameter
from boltnode.rpc.kinds import TEXT
from boltnode.rpc.shapes import address_shape, invoice_shape
from boltwire.bolt11 import decode
from boltwire.errors import DecodeError


async def help_(context: RpcContext, *, command: str | None) -> Result:
    """What commands there are, or how one is used."""
    if command is not None and command not in context.commands:
        raise RpcError(Code.METHOD_NOT_FOUND, f"Unknown command {command[:100]}")
    chosen = context.commands.values() if command is None else [context.commands[command]]
    rows = [
        {"command": entry.usage, "category": entry.category, "description": entry.summary, "verbose": _manual(entry)}
        for entry in chosen
    ]
    return {"help": rows, "format-hint": "simple"}


def _manual(command: Command) -> str:
    lines = [f"{command.usage}\n", command.summary]
    for entry in command.parameters:
        need = "" if entry.required else " (optional)"
        lines.append(f"  {entry.name}{need}: {entry.kind.name}. {entry.doc}")
    return "\n".join(lines)


async def getinfo(context: RpcContext) -> Result:
    """Who the node is and how it is."""
    services, engine = context.services, context.engine
    channels = engine.channels()
    states = [channel.state for channel in channels]
    found: dict[str, object] = {
        "id": services.key.node_id.hex(),
        "alias": services.options.alias,
        "color": services.key.node_id[:3].hex(),
        "num_peers": len({peer.node_id for peer in services.switchboard.peers} | {entry.peer_id for entry in channels}),
        "num_pending_channels": sum(state in ("OPENINGD", "CHANNELD_AWAITING_LOCKIN") for state in states),
        "num_active_channels": states.count("CHANNELD_NORMAL"),
        "num_inactive_channels": sum(
            state not in ("OPENINGD", "CHANNELD_AWAITING_LOCKIN", "CHANNELD_NORMAL") for state in states
        ),
        "address": [],
        "binding": [address_shape(*address) for address in services.switchboard.listener.addresses],
        "version": f"boltspec {version('boltspec')}",
        "blockheight": engine.block_height(),
        "network": services.network.name,
        "fees_collected_msat": 0,
        "lightning-dir": str(services.options.folder),
        "our_features": {"init": services.switchboard.features.to_bytes().hex()},
    }
    if services.latch.reason is not None:
        found["warning_signing_stopped"] = services.latch.reason
    if (warning := engine.warning()) is not None:
        found["warning_bitcoind_sync"] = warning
    return found


async def decode_(_context: RpcContext, *, string: str) -> Result:
    """What a payment request says."""
    text = string.strip()
    text = text[len("lightning:") :] if text.lower().startswith("lightning:") else text
    if not text.lower().startswith("ln"):
        raise bad_parameter("string", "a BOLT 11 payment request", string)
    try:
        invoice = decode(text)
    except DecodeError as error:
        raise RpcError(Code.INVALID_PARAMS, f"string: Invalid bolt11: {error}") from error
    return {"type": "bolt11 invoice", "valid": True} | invoice_shape(invoice)


async def stop(context: RpcContext) -> Result:
    """Stop the node."""
    context.services.stopping.set()
    return {"result": "Shutdown complete"}


COMMANDS = (
    Command(
        "help",
        "utility",
        "List the commands, or say how one is used.",
        help_,
        (Parameter("command", TEXT, "The command to explain."),),
    ),
    Command("getinfo", "utility", "Say who the node is, what it is connected to, and what is wrong.", getinfo),
    Command(
        "decode",
        "utility",
        "Show what a payment request says, after checking its signature.",
        decode_,
        (required("string", TEXT, "A BOLT 11 payment request, with or without lightning: in front."),),
    ),
    Command("stop", "utility", "Stop the node; channels stay as they are.", stop),
)
"""For every node."""
