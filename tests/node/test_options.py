"""Options: from the command line, from files, by default; each wrong one is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from boltnode.options import OPTIONS, Address, BadOption, Options, field_names, load_options, read_option


def load(folder: Path, **given: list[str]) -> Options:
    return load_options(
        {"lightning-dir": [str(folder)], **{name.replace("_", "-"): value for name, value in given.items()}}
    )


def test_table_and_fields_agree() -> None:
    assert tuple(option.name for option in OPTIONS) == field_names()
    defaults = Options(lightning_dir=Path("x"), network="regtest")
    for option in OPTIONS[2:]:
        field = getattr(defaults, option.name.replace("-", "_"))
        if option.default:
            assert read_option(option.name, [option.default], "default") == field
        else:
            assert field in ((), "")


def test_defaults(tmp_path: Path) -> None:
    options = load(tmp_path)
    assert options == Options(lightning_dir=tmp_path, network="regtest")
    assert options.rpc_path == tmp_path / "regtest" / "lightning-rpc"


def test_command_line_goes_before_the_networks_file_before_the_nodes_file(tmp_path: Path) -> None:
    (tmp_path / "signet").mkdir()
    (tmp_path / "config").write_text("network=signet\nalias=one\nlog-level=debug\ncltv-final=30\n")
    (tmp_path / "signet" / "config").write_text("# of this network only\n\nalias=two\nlog-level=error\n")
    options = load(tmp_path, alias=["three"])
    assert (options.network, options.alias, options.log_level, options.cltv_final) == ("signet", "three", "error", 30)
    assert load(tmp_path, network=["regtest"]).alias == "one"


def test_network_is_not_named_in_the_file_of_a_network(tmp_path: Path) -> None:
    (tmp_path / "regtest").mkdir()
    (tmp_path / "regtest" / "config").write_text("network=signet\n")
    with pytest.raises(BadOption, match="network says where this file is"):
        load(tmp_path)


def test_blanks_around_the_equals_sign_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(" cltv-final = 40 \n")
    assert load(tmp_path).cltv_final == 40


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9735", Address("127.0.0.1", 9735)),
        ("[::1]:0", Address("::1", 0)),
        ("localhost:65535", Address("localhost", 65_535)),
    ],
)
def test_addresses_to_listen_on(tmp_path: Path, text: str, address: Address) -> None:
    assert load(tmp_path, addr=[text, "127.0.0.1:1"]).addr == (address, Address("127.0.0.1", 1))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("colour=red", "config, line 2: no option colour"),
        ("lightning-dir=/elsewhere", "config: lightning-dir says where this file is, and cannot stand in it"),
        ("alias", "config, line 2: not key=value: alias"),
        ("alias=" + "x" * 33, "alias=" + "x" * 33 + ": at most 32 bytes are expected"),
        ("log-level=loud", "log-level=loud: debug, info, warning or error is expected"),
        ("addr=9735", "addr=9735: HOST:PORT is expected"),
        ("addr=:9735", "addr=:9735: HOST:PORT is expected"),
        ("addr=x:65536", "addr=x:65536: HOST:PORT is expected"),
        ("cltv-final=18", "cltv-final=18: a number from 19 to 2016 is expected"),
        ("cltv-final=2017", "cltv-final=2017: a number from 19 to 2016 is expected"),
        ("cltv-final=x", "cltv-final=x: a number from 19 to 2016 is expected"),
        ("rpc-file=../x", "rpc-file=../x: a file name without folders is expected"),
        ("rpc-file=..", "rpc-file=..: a file name without folders is expected"),
        (
            "rpc-file=node.sqlite3",
            "rpc-file=node.sqlite3: a file name without folders is expected, other than the node",
        ),
        ("log-file=/x/node.sqlite3-wal", "log-file=/x/node.sqlite3-wal: a file other than the node's own is expected"),
        ("max-inbound=0", "max-inbound=0: a number from 1 to 5000 is expected"),
        ("alias=a\nalias=b", "alias is given 2 times"),
    ],
)
def test_wrong_option_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "config").write_text(f"# mine\n{line}\n")
    with pytest.raises(BadOption) as error:
        load(tmp_path)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["bitcoin", "testnet"])
def test_other_networks_are_refused_and_it_says_why(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadOption, match=f"network={name}: '{name}' is not supported: .* coins are worth nothing"):
        load(tmp_path, network=[name])
    (tmp_path / "config").write_text(f"network={name}\n")
    with pytest.raises(BadOption, match="is not supported"):
        load(tmp_path)


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"\xff"), lambda path: path.mkdir()])
def test_file_that_cannot_be_read(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    spoil(tmp_path / "config")
    with pytest.raises(BadOption, match="config: "):
        load(tmp_path)
