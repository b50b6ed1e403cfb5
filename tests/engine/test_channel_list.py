"""The configured channels: shown, added, removed, and which of them are not used unless asked for."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv import config
from jupyter_condaenv.engine import channel_list, condarc, logins, solve
from jupyter_condaenv.engine.errors import InvalidRequest, NotFound, Refused
from jupyter_condaenv.engine.model import Channel, CreateEnvironment, Login, Settings

ALIAS = "https://conda.anaconda.org"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a root prefix of conda beside it, and nothing in either."""
    monkeypatch.setenv("CONDA_ROOT", str(tmp_path / "root"))
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    for name in ("CONDARC", "CONDA_PREFIX", "XDG_CONFIG_HOME", "RATTLER_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "root").mkdir()
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def now() -> Settings:
    return config.load().settings()


def names() -> list[str]:
    return [channel.name for channel in channel_list.configured(now())]


def add(channel: str, **options: Any) -> list[str]:
    channel_list.add(channel, now(), **options)
    return names()


def remove(channel: str) -> list[str]:
    channel_list.remove(channel, now())
    return names()


def test_who_names_each(home: Path) -> None:
    assert channel_list.configured(now()) == (Channel(name="conda-forge", url=f"{ALIAS}/conda-forge"),)
    (home.parent / "root" / ".condarc").write_text("channels: [theirs, both]\n")
    (home / ".condarc").write_text("channels: [all, both]\ncustom_multichannels: {all: [x, y]}\n")
    found = {channel.name: Path(channel.place).parent.name for channel in channel_list.configured(now())}
    assert found == {"x": "home", "y": "home", "both": "home", "theirs": "root"}


def test_one_more(home: Path) -> None:
    assert add("ours") == ["conda-forge", "ours"], "what was used before still is"
    assert add("first", first=True) == ["first", "conda-forge", "ours"]
    assert add(f"{ALIAS}/ours") == ["first", "conda-forge", "ours"], "it is there already"
    assert add("ours", first=True) == ["ours", "first", "conda-forge"]
    assert (home / ".condarc").read_text() == "channels:\n  - ours\n  - first\n  - conda-forge\n"


def test_behind_those_of_other_files(home: Path) -> None:
    (home.parent / "root" / ".condarc").write_text("channels: [theirs]\n")
    assert add("ours") == ["theirs", "ours"]
    (home / ".condarc").unlink()
    assert add("ours", first=True) == ["ours", "theirs"]


def test_one_less(home: Path) -> None:
    (home / ".condarc").write_text(
        "# mine\nchannel_alias: https://host\n"
        "channels:\n  - ours  # why\n  - https://${USER}:${PW}@host/private\n  - x\n"
    )
    assert remove("https://host/private") == ["ours", "x"]
    assert remove("https://host/ours/") == ["x"]
    assert (home / ".condarc").read_text() == "# mine\nchannel_alias: https://host\nchannels:\n  - x\n"
    assert remove("x") == ["conda-forge"]


def test_the_other_name_of_the_list(home: Path) -> None:
    (home / ".condarc").write_text("channel: ours\n")
    assert add("more") == ["ours", "more"]
    assert remove("ours") == ["more"]


def test_what_cannot_be_removed(home: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        remove("nowhere")
    with pytest.raises(Refused, match="nobody says anything"):
        remove("conda-forge")
    theirs = home.parent / "root" / ".condarc"
    theirs.write_text("channels: [theirs]\n")
    with pytest.raises(Refused, match=str(theirs)):
        remove("theirs")


def test_where_it_would_have_no_effect_it_is_refused(home: Path) -> None:
    theirs = home.parent / "root" / ".condarc"
    theirs.write_text("channels: #!final\n- theirs\n")
    with pytest.raises(Refused, match="final"):
        add("ours")
    (home.parent / "jupyter").mkdir()
    (home.parent / "jupyter" / "jupyter_condaenv_config.json").write_text('{"CondaEnv": {"channels": ["fixed"]}}')
    for attempt in (lambda: add("ours"), lambda: remove("fixed")):
        with pytest.raises(Refused, match="Jupyter's configuration"):
            attempt()
    assert not (home / ".condarc").exists()


def test_several_under_one_name(home: Path) -> None:
    own = "custom_multichannels:\n  all: [x, y]\n  alone: [z]\n  none: []\n"
    (home / ".condarc").write_text(own)
    assert add("all", first=True) == ["x", "y", "conda-forge"]
    assert add("all") == add("y") == ["x", "y", "conda-forge"], "they are there already"
    assert add("y", first=True) == ["y", "x", "conda-forge"]
    assert remove("y") == ["x", "y", "conda-forge"], "by its own name it is gone"
    with pytest.raises(Refused, match="y is one of the channels that all stands for") as caught:
        remove("y")
    assert "`jupyter condaenv channel remove all`" in caught.value.hint
    with pytest.raises(InvalidRequest, match="all stands for several channels"):
        add("all", login=Login(conda_token="x"))
    assert remove("all") == ["conda-forge"]
    add("alone")
    assert remove(f"{ALIAS}/z") == ["conda-forge"]
    with pytest.raises(InvalidRequest, match="none stands for no channel"):
        add("none")
    assert own in (home / ".condarc").read_text()


def test_a_login_for_what_is_listed_is_kept_also_where_the_list_is_set_elsewhere(home: Path) -> None:
    (home / ".condarc").write_text(
        "custom_multichannels: {both: ['https://b.example.org/c', 'https://c.example.org/c']}\n"
    )
    (home.parent / "jupyter").mkdir()
    (home.parent / "jupyter" / "jupyter_condaenv_config.json").write_text(
        '{"CondaEnv": {"channels": ["https://a.example.org/c", "both"]}}'
    )
    store = home / ".rattler" / "credentials.json"
    before = (home / ".condarc").read_text()
    for host in ("a", "b"):
        add(f"https://{host}.example.org/c/", login=Login(conda_token="x"))
    for channel, first in (("https://d.example.org/c", False), ("both", True)):
        with pytest.raises(Refused, match="Jupyter's configuration") as caught:
            add(channel, first=first, login=Login(conda_token="x"))
        assert "the trait channels" in caught.value.hint and "~/.netrc" in caught.value.hint
    assert list(json.loads(store.read_text())) == ["a.example.org", "b.example.org"]
    assert (home / ".condarc").read_text() == before


@pytest.mark.parametrize("channel", ["", "a b", "https://me:canary@host/c", "https://host/t/canary/c", "ftp://x/y"])
def test_what_is_no_channel(channel: str, home: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        add(channel)
    assert "canary" not in repr(caught.value.failure())
    assert not (home / ".condarc").exists()


# --- logins ---


def test_a_login_is_kept_where_rattler_looks_for_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = home / ".rattler" / "credentials.json"
    add("https://a.example.org/c", login=Login(username="me", password="canary"))
    add("https://b.example.org/c", login=Login(conda_token="canary"))
    add("https://b.example.org/c", login=Login(bearer_token="canary"))
    assert json.loads(store.read_text()) == {
        "a.example.org": {"BasicHTTP": {"username": "me", "password": "canary"}},
        "b.example.org": {"BearerToken": "canary"},
    }
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert "canary" not in (home / ".condarc").read_text()
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(home / "auth.json"))
    logins.store("https://c.example.org", Login(conda_token="x"), home / "lock")
    assert json.loads((home / "auth.json").read_text()) == {"c.example.org": {"CondaToken": "x"}}
    (home / "auth.json").write_text("not json")
    with pytest.raises(InvalidRequest, match=r"auth\.json"):
        logins.store("https://c.example.org", Login(conda_token="x"), home / "lock")
    assert (home / "auth.json").read_text() == "not json"


@pytest.mark.parametrize(
    "login",
    [Login(), Login(password="x"), Login(username="a", conda_token="x"), Login(conda_token="x", bearer_token="y")],
)
def test_a_login_that_is_none(login: Login, home: Path) -> None:
    with pytest.raises(InvalidRequest, match="either"):
        add("https://host/c", login=login)
    assert not (home / ".condarc").exists()


def test_a_directory_asks_for_no_login(home: Path) -> None:
    with pytest.raises(InvalidRequest, match="directory"):
        add("/srv/channel", login=Login(conda_token="x"))


def test_a_login_does_not_show() -> None:
    assert "canary" not in repr(Login(password="canary")) + str(Login(conda_token="canary"))


# --- Anaconda's own channels ---


@pytest.mark.parametrize(
    "text",
    [
        "channels: [defaults]",
        "channels: [conda-forge, defaults]",
        "channels: [https://repo.anaconda.com/pkgs/main]",
        "channels: [pkgs/r]",
        "channels: [main]",
        "channels: [all]\ncustom_multichannels: {all: [conda-forge, pkgs/main]}",
    ],
)
def test_they_are_not_used_because_a_file_names_them(text: str, home: Path) -> None:
    (home / ".condarc").write_text(text)
    settings = now()
    request = CreateEnvironment(prefix=str(home / "env"), specs=("numpy",))
    with pytest.raises(Refused, match="terms of service") as caught:
        solve.plan(request, settings)
    assert "-c defaults" in caught.value.hint
    urls = [channel.url for channel in channel_list.configured(settings)]
    with pytest.raises(Refused):
        channel_list.check_asked_for(urls, settings)
    chosen = Settings(**{**{f: getattr(settings, f) for f in settings.__struct_fields__}, "channels_chosen": True})
    channel_list.check_asked_for(urls, chosen)


@pytest.mark.parametrize(
    "channel", ["defaults", "pkgs/main", "main", "all", "https://repo.anaconda.com/pkgs/r/linux-64"]
)
def test_they_are_not_added_to_a_file_that_would_then_be_refused(channel: str, home: Path) -> None:
    (home / ".condarc").write_text("custom_multichannels: {all: [conda-forge, pkgs/main]}\n")
    with pytest.raises(Refused, match="terms of service"):
        add(channel)
    assert names() == ["conda-forge"]


def test_what_an_installer_has_written_is_removed(home: Path) -> None:
    (home / ".condarc").write_text("channels:\n  - defaults\n")
    for shown in names():
        with pytest.raises(Refused, match=f"{shown} is one of the channels that defaults stands for"):
            remove(shown)
    assert remove("defaults") == ["conda-forge"]


def test_what_may_not_be_used_is_not_added(home: Path) -> None:
    (home / ".condarc").write_text("denylist_channels: [theirs]\n")
    with pytest.raises(Refused, match="may not be used"):
        add("theirs")
    assert names() == ["conda-forge"]


@pytest.mark.parametrize(
    "spelt",
    [
        "https://h.example.org:443/theirs/",
        "http://h.example.org/theirs",
        "https://h.example.org./theirs",
        "https://H.example.org/%74heirs/noarch",
        "https://h.example.org//Theirs",
        "https://h.example.org/ours/../theirs",
    ],
)
def test_what_may_not_be_used_is_that_in_any_spelling(spelt: str, home: Path) -> None:
    (home / ".condarc").write_text("denylist_channels: [https://h.example.org/theirs]\n")
    for other in ("https://h.example.org:8443/theirs", "https://h.example.org/theirs/label/new"):
        channel_list.searched((other,), now())
    with pytest.raises(Refused, match="may not be used"):
        channel_list.searched((spelt,), now())


def test_what_may_be_used_is_not_what_anybody_can_pretend_to_be(home: Path) -> None:
    (home / ".condarc").write_text("allowlist_channels: [https://h.example.org/ours]\n")
    channel_list.searched(("https://h.example.org/ours/noarch",), now())
    with pytest.raises(Refused, match="may not be used"):
        channel_list.searched(("http://h.example.org/ours",), now())


def test_a_mirror_of_them_is_a_choice(home: Path, settings: Callable[..., Settings]) -> None:
    (home / ".condarc").write_text("channels: [defaults]\ndefault_channels: [https://mirror.example.org/pkgs/main]\n")
    found = channel_list.configured(now())
    assert [channel.url for channel in found] == ["https://mirror.example.org/pkgs/main"]
    channel_list.check_asked_for([channel.url for channel in found], now())
    assert remove("defaults") == ["conda-forge"]
    assert add("defaults", first=True) == ["https://mirror.example.org/pkgs/main", "conda-forge"]


def test_what_is_shown_has_no_secrets(home: Path) -> None:
    (home / ".condarc").write_text(
        "channels: [https://h/t/canary/c]\nproxy_servers: {https: 'http://me:canary@p'}\noffline: true\n"
    )
    shown = condarc.shown(condarc.read())
    assert "canary" not in repr(shown) + repr(condarc.sources())
    assert (shown["channels"], shown["offline"]) == (("https://h/c",), True)
    assert shown["proxy_servers"] == {"https": "http://p"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("proxy_servers: {http: 'me:canary@p:8'}", {"http": "p:8"}),
        ("proxy_servers: {http: 'http://me:canary canary@p'}", {"http": "http://p"}),
        ("proxy_servers: {http: 'http://me:can://canary@p'}", {"http": "http://p"}),
        ("proxy_servers: {'http://me:canary@h': p}", {"http://h": "p"}),
        ("proxy_servers: {http: }", {"http": ""}),
        (
            "channel_settings: [{channel: c, auth: a, username: u, password: canary}]",
            ({"channel": "c", "auth": "a", "username": "u", "password": "(not shown)"},),
        ),
        ("custom_channels: {'http://me:canary@h': 'http://h/c'}", None),
        ("envs_dirs: ['http://me:canary@h/t/canary/x']", None),
    ],
)
def test_what_is_shown_of_proxies_and_logins(said: str, expected: object, home: Path) -> None:
    (home / ".condarc").write_text(said)
    own = condarc.read()
    shown, sources = condarc.shown(own), condarc.sources()
    assert "canary" not in repr(shown) + repr(sources) + repr(condarc.unused(own))
    key = said.partition(":")[0]
    if expected is not None:
        assert shown[key] == sources[-1].settings[key] == expected
