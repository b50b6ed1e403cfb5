"""Channels and configuration on the command line."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pexpect
import pytest

from tests.channel import ChannelServer

from .conftest import COMMAND, Person

CANARY = "canary-6f1d"


@pytest.mark.slow
def test_a_private_channel_from_nothing_to_an_environment(person: Person, small_channel: Path) -> None:
    with ChannelServer(small_channel, token=CANARY) as server:
        added = person.run("channel", "add", server.url, "--first", "--bearer-token", "--json", input=f"{CANARY}\n")
        assert added.last["channels"][0]["url"] == server.url
        shown = person.run("channel", "list").out.splitlines()
        assert [line.split()[0] for line in shown] == ["CHANNEL", server.url, "conda-forge"]
        assert str(person.home / ".condarc") in shown[1]
        checked = person.run("channel", "check", server.url)
        assert "usable" in checked.out and "noarch" in checked.out and "shards" in checked.out
        person.run("channel", "remove", "conda-forge")
        person.run("create", "geo", "tool")
        assert CANARY not in added.out + added.err + checked.out + checked.err
        credentials = person.home / ".rattler" / "credentials.json"
        credentials.write_text(json.dumps({**json.loads(credentials.read_text()), "other": {"BearerToken": "y"}}))
        removed = person.run("channel", "remove", server.url)
        assert "The login of 127.0.0.1 is still kept" in removed.out and CANARY in credentials.read_text()
        assert "channel logout https://127.0.0.1" in removed.out and CANARY not in removed.out
        gone = person.run("channel", "logout", "https://127.0.0.1").out
        assert "The login of 127.0.0.1 is forgotten." in gone and CANARY not in gone
        assert json.loads(credentials.read_text()) == {"other": {"BearerToken": "y"}}
        assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
        assert "No login is kept" in person.run("channel", "logout", server.url, code=3).err
        refused = person.run("channel", "check", server.url, code=6)
        assert "401" in refused.out and "netrc" in refused.out
        assert person.run("channel", "list", "--json").last["channels"] == [
            {"name": "conda-forge", "url": "https://conda.anaconda.org/conda-forge"}
        ]


@pytest.mark.parametrize("kind", ["--user=me", "--conda-token"])
def test_a_secret_is_asked_for_and_not_shown(kind: str, person: Person) -> None:
    command = " ".join([*COMMAND, "channel", "add", "https://host.example.org/c", kind])
    child = pexpect.spawn(command, env=person.env, encoding="utf-8", timeout=60)  # type: ignore[arg-type]
    child.expect("Password: |Token: ")
    child.sendline(CANARY)
    shown = child.read()
    child.close()
    assert child.exitstatus == 0 and CANARY not in shown
    store = person.home / ".rattler" / "credentials.json"
    assert CANARY in store.read_text()
    assert stat.S_IMODE(store.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "slip",
    [
        ["--conda-token", CANARY],
        [f"--bearer-token={CANARY}"],
        ["--user", "me", CANARY],
        ["--user", "me", "--password", CANARY],
        [f"--password={CANARY}"],
        ["--user", f"me:{CANARY}"],
    ],
)
def test_a_secret_among_the_arguments_is_not_repeated(slip: list[str], person: Person) -> None:
    refused = person.run("channel", "add", "https://host.example.org/c", *slip, code=2, input="x\n")
    assert CANARY not in refused.out + refused.err and "standard input" in refused.err
    told = person.run("channel", "add", "https://host.example.org/c", *slip, "--json", code=2, input="x\n")
    assert CANARY not in told.out + told.err
    assert not (person.home / ".condarc").exists() and not (person.home / ".rattler").exists()


def test_what_cannot_be_added(person: Person) -> None:
    secret = person.run("channel", "add", f"https://host/t/{CANARY}/c", code=2)
    assert "~/.netrc" in secret.err and CANARY not in secret.err
    assert CANARY not in person.run("create", "geo", "--chanel", f"https://host/t/{CANARY}/c", code=2).err
    assert "No token" in person.run("channel", "add", "ours", "--conda-token", code=2).err
    assert person.run("channel", "remove", "ours", "--json", code=3).last["error"]["code"] == "not_found"
    assert not (person.home / ".condarc").exists()


def test_a_directory_is_meant_from_here(person: Person, small_channel: Path) -> None:
    (person.home / "here").symlink_to(small_channel)
    person.run("channel", "add", "./here", "--first")
    assert f"- {person.home}/here\n" in (person.home / ".condarc").read_text()
    person.run("channel", "remove", "conda-forge")
    assert person.run("channel", "check", "--json").last["channels"][0]["authorised"]


def test_what_applies_and_who_says_so(person: Person) -> None:
    (person.home / ".condarc").write_text(
        f"channels: [https://host/t/{CANARY}/c]\noffline: yes\nclient_ssl_cert: /x\n"
        f"proxy_servers: {{http: 'http://me:{CANARY}@p'}}\nssl_verify: no #!final\nenv_dirs: [/x]\n"
    )
    (person.home / "config").mkdir(exist_ok=True)
    (person.home / "config" / "jupyter_condaenv_config.py").write_text(
        f"c.CondaEnv.quota = 5.0\nc.CondaEnv.exclude_newer_except.append('mine')\nc.Other.url = 'https://me:{CANARY}@h'\n"
    )
    env = {"CONDA_PINNED_PACKAGES": "numpy <2&mkl"}
    shown = person.run("config", "show", env=env).out
    assert "https://host/c" in shown and "http: http://p" in shown and "numpy <2 mkl" in shown
    applied, _, others = shown.partition("And by .condarc:\n")
    assert ["channel_priority", "strict"] in [line.split() for line in applied.splitlines()]
    assert "channels" not in [line.split()[0] for line in others.splitlines()]
    assert "client_ssl_cert has no effect: the engine sends no certificates of clients." in shown
    sources = person.run("config", "show", "--sources", env=env).out
    misspelt = f"env_dirs has no effect: {person.home / '.condarc'}, line 6, should perhaps say envs_dirs."
    assert misspelt in shown and misspelt in sources
    assert f"{person.home / '.condarc'}:" in sources and "$CONDA_PINNED_PACKAGES:" in sources
    told = person.run("config", "show", "--sources", "--json", env=env)
    assert told.last["condarc"]["offline"] is True
    assert told.last["settings"]["channels"] == ["https://host/c"]
    of_jupyter = str(person.home / "config" / "jupyter_condaenv_config.py")
    by_place = {one["place"]: one for one in told.last["sources"]}
    assert [*by_place][-3:] == [str(person.home / ".condarc"), "$CONDA_PINNED_PACKAGES", of_jupyter]
    assert by_place[str(person.home / ".condarc")]["final"] == ["ssl_verify"]
    assert by_place[of_jupyter]["settings"] == {"quota": 5.0, "exclude_newer_except": {"extend": ["mine"]}}
    assert CANARY not in shown + sources + told.out
    assert json.loads(told.out.splitlines()[-1])["unused"]


def test_the_defaults_are_not_used_because_a_file_names_them(person: Person) -> None:
    (person.home / ".condarc").write_text("channels: [defaults]\n")
    refused = person.run("create", "geo", "python", code=5)
    assert "terms of service" in refused.err and "-c defaults" in refused.err
    listed = person.run("channel", "list")
    assert "pkgs/main" in listed.out.splitlines()[1] and "terms of service" in listed.out
    shown = listed.out.splitlines()[1].split()[0]
    assert "`jupyter condaenv channel remove defaults`" in person.run("channel", "remove", shown, code=5).err
    person.run("channel", "remove", "defaults")
    assert "terms of service" in person.run("channel", "add", "defaults", code=5).err
    (person.home / ".condarc").write_text("channels: [conda-forge]\n")
    assert "refused" not in person.run("channel", "list", "--json").last
