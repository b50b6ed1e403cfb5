"""``.condarc`` against what conda reads from the same files, and files that mean nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_condaenv.engine import condarc
from jupyter_condaenv.engine.channels import redact
from jupyter_condaenv.engine.condarc import DEFAULTS, Condarc
from jupyter_condaenv.engine.errors import InvalidRequest
from tests import shared

SAME = (
    *("channels", "default_channels", "allowlist_channels", "denylist_channels", "channel_settings", "pinned_packages"),
    *("create_default_packages", "offline", "proxy_servers", "ssl_verify", "remote_max_retries"),
)
"""Settings that mean to us exactly what they mean to conda."""


def read(tmp_path: Path, *texts: str, env: dict[str, str] | None = None) -> Condarc:
    """What files with these ``texts``, weakest first, say together."""
    paths = [tmp_path / f"condarc{number}" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return condarc.read(paths, env or {})


# --- what conda reads ---


@pytest.mark.parametrize("name", shared.files("condarc"))
def test_as_conda_reads_it(name: str) -> None:
    oracle = shared.readings("condarc", "conda")[name]
    assert oracle["ok"] and oracle["valid"]
    effective: dict[str, Any] = oracle["values_not_default"]
    read = condarc.read([shared.SHARED / "corpus" / "condarc" / name], {})
    for key in SAME:
        expected = effective.get(key, as_json(getattr(Condarc(), key)))
        # The one difference: secrets do not stay in URLs, those of proxies apart.
        assert as_json(getattr(read, key)) == (expected if key == "proxy_servers" else plain(expected)), key
    assert read.channel_alias == effective.get("channel_alias", "")
    assert (read.channel_priority or "flexible") == effective.get("channel_priority", "flexible")
    for key in ("envs_dirs", "pkgs_dirs"):
        named = len(oracle["keys_read"].get(key, ()))  # behind them come those of the machine that recorded it
        expected = [place.replace("@HOME@", str(Path.home())) for place in effective.get(key, ())[:named]]
        assert list(getattr(read, key)) == expected, key
    if "custom_channels" in oracle["keys_read"]:
        places = effective["custom_channels"]
        own = {channel: places[channel] for channel in oracle["keys_read"]["custom_channels"]}
        assert own.items() <= read.custom_channels.items()


def as_json(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


def plain(value: Any) -> Any:
    return [redact(one) if isinstance(one, str) else one for one in value] if isinstance(value, list) else value


# --- one file ---


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~", "null\n", "{}", "\ufeff", "\ufeff# x\n"])
def test_nothing_said(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == Condarc()


def test_everything_said(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "\ufeffchannels: [ours, conda-forge]\nenvs_dirs:\n  - ~/envs\n  - /opt/../opt/envs\nchannel_alias: https://host/\n"
        "channel_priority: Flexible\ndefault_channels: [https://mirror/pkgs/main]\n"
        "custom_channels: {ours: https://host/private/}\ncustom_multichannels: {all: [ours, conda-forge]}\n"
        "whitelist_channels: [ours]\ndenylist_channels: [r]\nauto_update_conda: false\n",
    )
    assert found.channels == ("ours", "conda-forge")
    assert found.envs_dirs == (os.path.expanduser("~/envs"), "/opt/envs")
    assert (found.channel_alias, found.channel_priority) == ("https://host", "flexible")
    assert found.default_channels == ("https://mirror/pkgs/main",)
    assert found.custom_channels["ours"] == "https://host/private/ours"
    assert found.custom_channels["pkgs/main"] == "https://mirror/pkgs/main", "a mirror goes by the name, too"
    assert found.custom_channels["pkgs/r"] == DEFAULTS[1]
    assert (found.allowlist_channels, found.denylist_channels) == (("ours",), ("r",))
    assert found.members("all") == ("ours", "conda-forge")
    assert found.members("defaults") == ("https://mirror/pkgs/main",)
    assert found.members("conda-forge") == ("conda-forge",)


def test_defaults_are_anacondas_unless_said_otherwise(tmp_path: Path) -> None:
    assert read(tmp_path, "channels: [defaults]").members("defaults") == DEFAULTS
    assert read(tmp_path, "default_channels:").members("defaults") == DEFAULTS


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("strict", "strict"), ("flexible", "flexible"), ("disabled", "disabled"), ("STRICT", "strict")),
        *(("true", "flexible"), ("false", "disabled"), ("yes", "flexible"), ("off", "disabled")),
    ],
)
def test_channel_priority(text: str, value: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"channel_priority: {text}").channel_priority == value


def test_one_channel_without_a_list(tmp_path: Path) -> None:
    assert read(tmp_path, "channel: conda-forge").channels == ("conda-forge",)


def test_variables_are_expanded_where_they_are_set(tmp_path: Path) -> None:
    text = "channels: ['https://${HOST}/$NAME/x', '$UNSET/${ALSO}', 'cost$', '${}']\nenvs_dirs: $ROOT/envs"
    found = read(tmp_path, text, env={"HOST": "h", "NAME": "größe", "ROOT": "/r"})
    assert found.channels == ("https://h/größe/x", "$UNSET/${ALSO}", "cost$", "${}")
    assert found.envs_dirs == ("/r/envs",)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        *((f"offline: {word}", "offline", True) for word in ("true", "yes", "On", "y", "1")),
        *((f"offline: {word}", "offline", False) for word in ("false", "no", "OFF", "n", "0", "~")),
        *((f"ssl_verify: {word}", "ssl_verify", value) for word, value in (("true", True), ("no", False), ("", True))),
        ("verify_ssl: <truststore>", "ssl_verify", "truststore"),
        ("ssl_verify: /etc/ca.pem", "ssl_verify", "/etc/ca.pem"),
        ("remote_max_retries: 7", "remote_max_retries", 7),
        ("remote_max_retries:", "remote_max_retries", None),
        ("remote_read_timeout_secs: 90.5", "remote_read_timeout_secs", 90.5),
        ("pkgs_dirs: [/a/../b, /b]", "pkgs_dirs", ("/b",)),
        ("pinned_packages: ['numpy 1.*', mkl]", "pinned_packages", ("numpy 1.*", "mkl")),
        ("create_default_packages: ipykernel", "create_default_packages", ("ipykernel",)),
        ("channel_priority:", "channel_priority", None),
        ("channel_settings:\n- {channel: a, auth: b}", "channel_settings", ({"channel": "a", "auth": "b"},)),
        ("proxy_servers: {http: 'http://me:pw@p:8'}", "proxy_servers", {"http": "http://me:pw@p:8"}),
        ("proxy_servers: {http: , https: ~}", "proxy_servers", {"http": "", "https": ""}),
    ],
)
def test_a_setting(text: str, field: str, value: object, tmp_path: Path) -> None:
    assert getattr(read(tmp_path, text), field) == value


def test_what_has_no_effect_is_said(tmp_path: Path) -> None:
    text = "client_ssl_cert: /c\nproxy_servers: {https: 'http://p', 'http://10.20.1.128': 'http://me:canary@q'}\n"
    found = condarc.unused(read(tmp_path, text))
    assert set(found) == {"client_ssl_cert", "proxy_servers"}
    assert "http://10.20.1.128" in found["proxy_servers"] and "canary" not in found["proxy_servers"]
    assert condarc.unused(Condarc()) == {}


def test_a_misspelt_setting_is_said_and_those_of_others_are_not(tmp_path: Path) -> None:
    read(tmp_path, "chanels: [x]\n")
    place = tmp_path / "condarc0"
    assert condarc.unused(condarc.read([place], {})) == {"chanels": f"{place}, line 1, should perhaps say channels"}
    others = "always_yes: true\nplugins: {x: y}\nmigrated_custom_channels: {a: b}\nanaconda_anon_usage: on\n"
    assert condarc.unused(read(tmp_path, others)) == {}


def test_every_setting_that_is_read_has_its_field() -> None:
    assert {*condarc.KEYS, "secrets", "misspelt"} == set(Condarc.__struct_fields__)


def test_secrets_do_not_stay_in_urls(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "channels: ['https://${NAME}:${PW}@host/c', 'https://host/t/canary/d/', plain]\n"
        "default_channels: [https://host/t/canary/main]\nchannel_alias: https://host/t/canary/\n"
        "custom_channels: {ours: 'https://me:canary@host/private'}\ncustom_multichannels: {all: [https://h/t/canary/x]}\n"
        "denylist_channels: [https://host/t/canary/e]\nchannel_settings: [{channel: 'https://h/t/canary/y'}]\n",
        env={"NAME": "me", "PW": "canary"},
    )
    assert found.channels == ("https://host/c", "https://host/d", "plain")
    assert (found.channel_alias, found.members("all")) == ("https://host", ("https://h/x",))
    assert found.custom_channels["ours"] == "https://host/private/ours"
    assert found.secrets["https://host/c"] == "https://me:canary@host/c"
    assert found.secrets["https://host"] == "https://host/t/canary/"
    assert found.secrets["https://host/private"] == "https://me:canary@host/private"
    assert len(found.secrets) == 8
    assert "canary" not in repr(msgspec.structs.replace(found, secrets={}))


# --- variables ---


def test_variables_win(tmp_path: Path) -> None:
    env = {
        "CONDA_CHANNELS": "a, b,",
        "CONDA_ENVS_PATH": f"/x{os.pathsep}/y",
        "CONDA_PKGS_DIRS": "/p,/q",
        "CONDA_PINNED_PACKAGES": "a <2,>1&b",
        "CONDA_OFFLINE": "1",
        "CONDA_SSL_VERIFY": "",
        "CONDA_CUSTOM_CHANNELS": "nothing that could be read",
    }
    found = read(tmp_path, "channels: [b, c]\noffline: false\nssl_verify: false", env=env)
    assert found.channels == ("a", "b", "c")
    assert (found.envs_dirs, found.pkgs_dirs) == (("/x", "/y"), ("/p", "/q"))
    assert found.pinned_packages == ("a <2,>1", "b")
    assert (found.offline, found.ssl_verify) == (True, False)
    assert not read(tmp_path, "offline: false #!final", env=env).offline


def test_a_variable_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="CONDA_OFFLINE cannot be used: offline is neither true nor false"):
        read(tmp_path, "", env={"CONDA_OFFLINE": "perhaps"})


# --- several files ---


def test_later_files_win_and_their_lists_come_first(tmp_path: Path) -> None:
    weak = "channels: [a, b]\nchannel_alias: https://weak\ncustom_channels: {x: https://weak, y: https://weak}"
    strong = "channels: [c, a]\nchannel_alias: https://strong\ncustom_channels: {x: https://strong}"
    found = read(tmp_path, weak, strong)
    assert found.channels == ("c", "a", "b")
    assert found.channel_alias == "https://strong"
    assert (found.custom_channels["x"], found.custom_channels["y"]) == ("https://strong/x", "https://weak/y")


def test_what_is_final_is_the_last_word(tmp_path: Path) -> None:
    admin = "channels:  #!final\n  - ours\nchannel_alias: https://ours  #!final\nchannel_priority: strict"
    final_alias = "channel_alias: #!final\n  https://ours\n" + admin.partition("\nchannel_alias")[0]
    user = "channels: [theirs]\nchannel_alias: https://theirs\nchannel_priority: disabled"
    assert read(tmp_path, admin, user).channels == ("ours",)
    assert read(tmp_path, admin, user).channel_priority == "disabled"
    assert read(tmp_path, final_alias, user).channel_alias == "https://ours"
    assert read(tmp_path, "channels: [below]", admin, user).channels == ("ours", "below")


def test_what_belongs_to_the_top_and_to_the_bottom(tmp_path: Path) -> None:
    admin = "channels:\n  - first   #!top\n  - last  # kept last  #!bottom\n  - middle\n"
    assert read(tmp_path, admin, "channels: [theirs]").channels == ("first", "theirs", "middle", "last")
    assert read(tmp_path, admin, "channels: [last, theirs]").channels == ("first", "theirs", "middle", "last")


def test_one_entry_of_a_mapping_can_be_final(tmp_path: Path) -> None:
    admin = "custom_channels:\n  ours: https://admin  #!final\n  x: https://admin\nchannels:\n- a  #!final\n"
    found = read(tmp_path, admin, "custom_channels: {ours: https://user, x: https://user}\nchannels: [b]")
    assert (found.custom_channels["ours"], found.custom_channels["x"]) == ("https://admin/ours", "https://user/x")
    assert found.channels == ("b", "a"), "of a list, only the whole can be"


def test_what_each_place_says(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "root"
    for path, text in (
        (root / ".condarc", "channels: #!final\n- ours\nproxy_servers: {http: 'http://me:canary@p'}\n"),
        (home / ".condarc", "offline: yes\nchannels: [https://h/t/canary/c]\n"),
        (home / ".conda" / "condarc", "auto_update_conda: false\n"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    env = {"HOME": str(home), "CONDA_EXE": str(root / "bin" / "conda"), "CONDA_SSL_VERIFY": "no"}
    found = [source for source in condarc.sources(env) if str(tmp_path) in source.place or "$" in source.place]
    assert [source.place for source in found] == [str(root / ".condarc"), str(home / ".condarc"), "$CONDA_SSL_VERIFY"]
    assert found[0].settings == {"channels": ("ours",), "proxy_servers": {"http": "http://p"}}
    assert found[0].final == ("channels",)
    assert found[1].settings == {"offline": True, "channels": ("https://h/c",)}
    assert found[2].settings == {"ssl_verify": "no"}


def test_the_places_and_their_order(tmp_path: Path) -> None:
    home, prefix, xdg = tmp_path / "home", tmp_path / "prefix", tmp_path / "xdg"
    files = [
        tmp_path / "root" / ".condarc",
        xdg / "conda" / "condarc",
        home / ".config" / "conda" / ".condarc",
        home / ".conda" / ".condarc",
        home / ".conda" / "condarc.d" / "a.yml",
        home / ".conda" / "condarc.d" / "b.yaml",
        home / ".condarc",
        prefix / ".condarc",
        prefix / "condarc.d" / "x.yml",
        tmp_path / "own",
    ]
    for number, path in enumerate(files):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"channels: [c{number}]")
    (home / ".conda" / "condarc.d" / "ignored.txt").write_text("{")
    env = {"HOME": str(home), "CONDA_PREFIX": str(prefix), "XDG_CONFIG_HOME": str(xdg)}
    env |= {"CONDA_ROOT": str(tmp_path / "root"), "CONDARC": str(tmp_path / "own")}
    own = [place for place in condarc.places(env) if tmp_path in place.parents]
    assert own == files
    assert condarc.read(own, env).channels == tuple(f"c{number}" for number in reversed(range(len(files))))
    assert condarc.places(env | {"CONDARC": str(prefix / "condarc.d")})[-1] == prefix / "condarc.d" / "x.yml"
    assert tmp_path / "own" not in condarc.places(env | {"CONDARC": str(tmp_path / "nowhere")})


# --- files that mean nothing ---


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("channels:\n\t- conda-forge\n", "line 2: There is a tab before the text"),
        ("channels: [a\n", "line 2"),
        ("- conda-forge\n", "line 1: The file is not a mapping"),
        ("conda-forge", "line 1: The file is not a mapping"),
        ("channels: [a]\nssl_verify: true\nchannels: [b]\n", "line 3: channels is set twice"),
        ("channels: [a]\nchannel: [b]\n", "line 2: channels is set twice"),
        ("channels: {a: b}\n", "line 1: channels holds something that is not a text"),
        ("channels:\n  - a\n  -\n", "line 3: channels holds something that is not a text"),
        ("channels:\n  - [a]\n", "line 2: channels holds something"),
        ("custom_channels: [a]\n", "custom_channels is not a mapping"),
        ("custom_channels: {a: [b]}\n", "custom_channels holds something"),
        ("custom_multichannels: {a: {b: c}}\n", "custom_multichannels holds something"),
        ("channel_alias: [https://host]\n", "channel_alias holds something"),
        ("channel_priority: stirct\n", "none of strict, flexible and disabled"),
        ("x: 1\noffline: maybe\n", "line 2: offline is neither true nor false"),
        ("remote_max_retries: 1.5\n", "remote_max_retries is no whole number"),
        ("remote_read_timeout_secs: -1\n", "remote_read_timeout_secs is no number"),
        ("remote_read_timeout_secs: nan\n", "remote_read_timeout_secs is no number"),
        ("proxy_servers: http://p\n", "proxy_servers is not a mapping"),
        ("channel_settings: [a]\n", "channel_settings holds something that is not a mapping"),
        ("? [a, b]\n: c\n", "A name of a setting is not a text"),
        ("a: *unknown\n", "line 1: It is not YAML: there is no `&unknown`"),
        ("x: 1\na: &a\n  b: *a\n", "line 3: It is not YAML: there is no `&a`"),
        ("%YAML 9", "line 1: It is not YAML"),
        ("channels: [a]\n---\nchannels: [b]\n", "line 2: It is not YAML of one document"),
        ("channels: [größe]\n".encode("latin-1"), "line 1: It is not text in UTF-8"),
    ],
)
def test_a_file_that_is_refused(text: str | bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "condarc0").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidRequest) as caught:
        condarc.read([tmp_path / "condarc0"], {})
    assert str(tmp_path / "condarc0") in caught.value.message
    assert reason in caught.value.message and "\n" not in caught.value.message
    assert caught.value.details["file"] == str(tmp_path / "condarc0")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=str(tmp_path)):
        condarc.read([tmp_path], {})


def test_a_file_that_would_grow_is_refused_quickly(tmp_path: Path) -> None:
    """Ten levels of nine references each."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 11)]
    with pytest.raises(InvalidRequest, match="line 7: It refers to itself more often"):
        read(tmp_path, "\n".join([*lines, "channels: [ours]"]))
