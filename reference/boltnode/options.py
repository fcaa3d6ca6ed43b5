"""What can be configured: one table for the command line, the file ``config`` and the manual.

The file is in the node's folder, lines of ``key=value`` as with Core Lightning: empty lines and lines that begin with
``#`` do not count. The command line goes before the file, the file before the defaults.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

from boltnode.network import UnsupportedNetwork, network_named
from boltnode.storage.folder_lock import LOCK_NAME
from boltnode.storage.newest_states import FILE_NAME as NEWEST_STATES_NAME

CONFIG_NAME: Final = "config"
"""File in the node's folder."""
DATABASE_NAME: Final = "node.sqlite3"
"""File in the folder of the network."""
CHAIN_NAME: Final = "chain"
"""Folder in that of the network, of the chain that the node serves without a bitcoind."""
TAKEN_NAMES: Final = (
    CONFIG_NAME,
    CHAIN_NAME,
    LOCK_NAME,
    DATABASE_NAME,
    f"{DATABASE_NAME}-wal",
    f"{DATABASE_NAME}-shm",
    NEWEST_STATES_NAME,
)
"""Files of the node, which no other may overwrite."""
DEFAULT_FOLDER: Final = "~/.boltnode"
DEFAULT_BITCOIN_FOLDER: Final = "~/.bitcoin"


class BadOption(ValueError):
    """An option that there is not, or a value that it cannot have; the text names both."""


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Options:
    """The values of all options; names as in :data:`OPTIONS`, with underscores."""

    lightning_dir: Path
    network: str
    addr: tuple[Address, ...] = ()
    alias: str = ""
    log_level: str = "info"
    log_file: str = ""
    rpc_file: str = "lightning-rpc"
    cltv_final: int = 24
    max_inbound: int = 200
    max_pending_channels: int = 100
    bitcoin_rpcport: int = 0
    bitcoin_datadir: Path = Path(DEFAULT_BITCOIN_FOLDER)
    bitcoin_rpcuser: str = ""
    bitcoin_rpcpassword: str = field(default="", repr=False)
    serve_chain: int = 0
    force_feerate: int = 0
    defended_feerate: int = 10_000
    refuse_undefended: bool = False
    restored: bool = False

    @property
    def bitcoin_cookie(self) -> Path:
        """The credentials that bitcoind, or what takes its place, makes up at its start."""
        return self.bitcoin_datadir.expanduser().absolute() / self.network / ".cookie"

    @property
    def chain_folder(self) -> Path:
        """Of the chain that the node serves without a bitcoind."""
        return self.folder / CHAIN_NAME

    @property
    def folder(self) -> Path:
        """Of this network: database, lock, socket."""
        return self.lightning_dir / self.network

    @property
    def rpc_path(self) -> Path:
        """The unix socket."""
        return self.folder / self.rpc_file


@dataclass(frozen=True, slots=True)
class Option:
    """A row of the table."""

    name: str
    value: str
    """What the manual shows in place of the value."""
    doc: str
    read: Callable[[str], Any]
    """From text; ValueError says what was expected."""
    default: str
    """As text; empty for none."""
    repeated: bool = False
    """May be given several times; all values count."""


def _network(text: str) -> str:
    try:
        return network_named(text).name
    except UnsupportedNetwork as error:
        raise ValueError(str(error)) from error


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ValueError("HOST:PORT is expected, such as 127.0.0.1:19846; port 0 takes any free one")
    return Address(host, int(port))


def _alias(text: str) -> str:
    if len(text.encode()) > 32:
        raise ValueError("at most 32 bytes are expected")
    return text


def _file_name(text: str) -> str:
    if text in ("", ".", "..") or "/" in text or text in TAKEN_NAMES:
        raise ValueError("a file name without folders is expected, other than the node's own files")
    return text


def _log_file(text: str) -> str:
    if Path(text).name in TAKEN_NAMES:
        raise ValueError("a file other than the node's own is expected")
    return text


def _level(text: str) -> str:
    if text not in ("debug", "info", "warning", "error"):
        raise ValueError("debug, info, warning or error is expected")
    return text


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("true or false is expected")
    return text == "true"


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"a number from {least} to {most} is expected")
        return int(text)

    return read


OPTIONS: Final = (
    Option("lightning-dir", "DIR", "The node's folder.", Path, DEFAULT_FOLDER),
    Option(
        "network",
        "NAME",
        "regtest or signet: others are refused, for coins are worth something there.",
        _network,
        "regtest",
    ),
    Option(
        "addr",
        "HOST:PORT",
        "Listen here for peers; may be repeated. Without it the node only connects.",
        _address,
        "",
        repeated=True,
    ),
    Option("alias", "NAME", "What the node calls itself, at most 32 bytes.", _alias, ""),
    Option("log-level", "LEVEL", "debug, info, warning or error.", _level, "info"),
    Option("log-file", "FILE", "Append the log to this file instead of writing it to standard error.", _log_file, ""),
    Option("rpc-file", "NAME", "Name of the unix socket in the folder of the network.", _file_name, "lightning-rpc"),
    Option("cltv-final", "BLOCKS", "How many blocks an incoming payment must leave the node.", _number(19, 2016), "24"),
    Option(
        "max-inbound",
        "N",
        "Most peers that may connect by themselves; those with a channel always may.",
        _number(1, 5000),
        "200",
    ),
    Option(
        "max-pending-channels",
        "N",
        "Most channels that wait for confirmation, of all peers together.",
        _number(1, 5000),
        "100",
    ),
    Option(
        "bitcoin-rpcport",
        "PORT",
        "Where bitcoind, or boltchain serve, answers on the loopback interface. 0 for none: then the node serves a"
        " regtest chain of its own, kept in the folder of the network.",
        _number(0, 65535),
        "0",
    ),
    Option(
        "bitcoin-datadir",
        "DIR",
        "Its data directory, where its cookie file is in the folder of the network.",
        Path,
        DEFAULT_BITCOIN_FOLDER,
    ),
    Option("bitcoin-rpcuser", "NAME", "Its user name, in place of the cookie file.", str, ""),
    Option("bitcoin-rpcpassword", "TEXT", "The password of that user.", str, ""),
    Option(
        "serve-chain",
        "PORT",
        "Port of the chain that the node serves without a bitcoind, for other nodes to join by bitcoin-rpcport and"
        " bitcoin-datadir. 0 takes any free one; the log says which.",
        _number(0, 65535),
        "0",
    ),
    Option(
        "force-feerate",
        "N",
        "Satoshi per 1000 weight units in place of all estimates, for regtest; 0 for none.",
        _number(0, 125_000),
        "0",
    ),
    Option(
        "defended-feerate",
        "N",
        "Satoshi per 1000 weight units up to which coins of the wallet are kept back, to have commitments and HTLC"
        " transactions of channels with anchors confirmed; 0 keeps none.",
        _number(0, 125_000),
        "10000",
    ),
    Option(
        "refuse-undefended",
        "BOOLEAN",
        "Take no channel and no HTLC for whose transactions the wallet does not have these coins: true or false.",
        _boolean,
        "false",
    ),
    Option(
        "restored",
        "BOOLEAN",
        "The folder was put back from a copy: true or false. No commitment is published until its peer has shown that"
        " none was lost. For one start; the node notices by itself when only the database was put back.",
        _boolean,
        "false",
    ),
)
"""All options. That this table and the fields of :class:`Options` agree is tested."""

_BY_NAME: Final = {option.name: option for option in OPTIONS}


def parse_assignments(lines: Iterable[str], source: str) -> dict[str, list[str]]:
    """``key=value`` lines by key; :class:`BadOption` with the line's number for anything else."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or name not in _BY_NAME:
            raise BadOption(
                f"{source}, line {number}: {'no option ' + name if equals else 'not key=value: ' + line.strip()}"
            )
        found.setdefault(name, []).append(value)
    return found


def read_option(name: str, texts: list[str], source: str) -> Any:
    """The value of an option; :class:`BadOption` names it and says what was expected."""
    option = _BY_NAME[name]
    if len(texts) > 1 and not option.repeated:
        raise BadOption(f"{source}: {name} is given {len(texts)} times")
    try:
        values = tuple(option.read(text) for text in texts)
    except ValueError as error:
        raise BadOption(f"{source}: {name}={','.join(texts)}: {error}") from error
    return values if option.repeated else values[0]


def load_options(given: Mapping[str, list[str]]) -> Options:
    """The options of a node: those given on the command line, then those of its file, then defaults.

    The file is looked for in the folder of the node and in that of the network, which is the stronger one.
    """
    folder = Path(given.get("lightning-dir", [DEFAULT_FOLDER])[-1]).expanduser().absolute()
    values: dict[str, Any] = {"lightning-dir": folder}
    sources = [_read_file(folder / CONFIG_NAME, ("lightning-dir",))]
    network = (given.get("network") or sources[0][1].get("network") or [_BY_NAME["network"].default])[-1]
    values["network"] = read_option("network", [network], "network")
    of_network = _read_file(folder / values["network"] / CONFIG_NAME, ("lightning-dir", "network"))
    sources += [of_network, ("command line", dict(given))]
    for source, texts in sources:
        for name, text in texts.items():
            if name not in ("lightning-dir", "network"):
                values[name] = read_option(name, text, source)
    return Options(**{name.replace("-", "_"): value for name, value in values.items()})


def _read_file(path: Path, settled: tuple[str, ...]) -> tuple[str, dict[str, list[str]]]:
    """The options in a file; ``settled`` are those by which it was found, which it cannot change."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return str(path), {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(f"{path}: {error}") from error
    found = parse_assignments(text.splitlines(), str(path))
    for name in settled:
        if name in found:
            raise BadOption(f"{path}: {name} says where this file is, and cannot stand in it")
    return str(path), found


def field_names() -> tuple[str, ...]:
    """The fields of :class:`Options`, spelt as options."""
    return tuple(field.name.replace("_", "-") for field in fields(Options))
