"""Channels over REST, and secrets: a canary in a channel's URL is afterwards in none of the places there are."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.channel import ChannelServer
from tests.engine.harness import poll

from .house import BASE_URL, Client, Home, Serve, segment

CANARY = "canary-4c7e"
"""No other file's, since the command lines of all processes are looked at, and other tests run beside."""


@pytest.fixture
def private(small_channel: Path) -> Iterator[ChannelServer]:
    """Asks for a token."""
    with ChannelServer(small_channel, token=CANARY) as server:
        yield server


@pytest.fixture
def free(home: Home) -> Home:
    """In which no trait says what the channels are."""
    home.configure()
    return home


def urls(client: Client) -> list[str]:
    return [channel["url"] for channel in client.get("channels")["channels"]]


@pytest.mark.slow
def test_a_channel_is_added_checked_and_removed(free: Home, serve: Serve, private: ChannelServer) -> None:
    client = serve().client()
    assert urls(client) == ["https://conda.anaconda.org/conda-forge"]
    added = client.call("POST", "channels", {"channel": private.url, "first": True, "login": {"bearer_token": CANARY}})
    assert (added.status, added.body["channels"][0]["url"]) == (200, private.url)
    (report,) = client.do("POST", "channel-checks", {"channels": [private.url]})["channels"]
    assert report["authorised"] and [one["subdir"] for one in report["subdirs"]] == ["noarch"]
    host = "127.0.0.1"
    assert client.call("DELETE", f"channels/{segment(private.url)}").body["login_kept"] == host
    store = free.folder / ".rattler" / "credentials.json"
    assert CANARY in store.read_text()
    assert client.call("DELETE", f"channels/{segment(private.url)}/login").body["login_forgotten"] == host
    assert json.loads(store.read_text()) == {}
    assert client.call("DELETE", f"channels/{segment(private.url)}/login").status == 404
    assert urls(client) == ["https://conda.anaconda.org/conda-forge"]
    assert client.call("DELETE", f"channels/{segment(private.url)}").status == 404
    configuration = client.get("configuration")
    assert configuration["settings"]["channels"] == ["conda-forge"]
    assert str(free.folder / ".condarc") in [one["place"] for one in configuration["sources"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": ""}, "$.channel"),
        ({"channel": "./here"}, "$.channel"),
        ({"channel": f"https://host/t/{CANARY}/c"}, "$.channel"),
        ({"channel": "ours", "login": {}}, "$.login"),
        ({"channel": "ours", "login": {"username": "me", "conda_token": CANARY}}, "$.login"),
    ],
)
def test_what_cannot_be_added(body: dict[str, object], field: str, client: Client) -> None:
    answer = client.call("POST", "channels", body)
    assert (answer.status, answer.body["details"]["field"]) == (400, field)
    assert CANARY not in str(answer.body)


def test_what_the_configuration_of_jupyter_sets_is_changed_there(client: Client) -> None:
    answer = client.call("POST", "channels", {"channel": "ours"})
    assert (answer.status, answer.body["code"]) == (409, "refused")


def test_a_login_for_a_channel_that_it_names_is_kept_all_the_same(home: Home, serve: Serve) -> None:
    home.configure(channels=["https://host.example.org/c"])
    client = serve().client()
    (url,) = before = urls(client)
    added = client.call("POST", "channels", {"channel": url, "login": {"conda_token": CANARY}})
    forgotten = client.call("DELETE", f"channels/{segment(url)}/login")
    assert (added.status, forgotten.status) == (200, 200)
    assert [channel["url"] for channel in added.body["channels"]] == before and forgotten.body["login_forgotten"]


def test_anacondas_channels_are_neither_added_nor_kept_for_ever(free: Home, serve: Serve) -> None:
    client = serve().client()
    added = client.call("POST", "channels", {"channel": "defaults"})
    assert (added.status, added.body["code"]) == (409, "refused") and "terms of service" in added.body["message"]
    (free.folder / ".condarc").write_text("channels: [defaults]\n")
    assert "terms of service" in client.call("GET", "channels").body["refused"]["message"]
    of_several = client.call("DELETE", f"channels/{segment(urls(client)[0])}")
    assert (of_several.status, of_several.body["details"]["channel"]) == (409, "defaults")
    assert client.call("DELETE", "channels/defaults").status == 200
    assert urls(client) == ["https://conda.anaconda.org/conda-forge"]
    assert not client.call("GET", "channels").body.get("refused")


# --- secrets ---


class Onlooker:
    """Reads the arguments of every process while it looks, as any user of the machine could."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Onlooker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    self.seen.add(path.read_bytes())


def test_the_log_has_no_secrets_of_addresses(serve: Serve) -> None:
    server = serve()
    client = server.client()
    url = f"http://me:{CANARY}@host/t/{CANARY}/c"
    for verb, path in (
        ("DELETE", f"channels/{segment(url)}"),
        ("DELETE", f"channels/{segment(f'host/t/{CANARY}/c')}"),
        ("GET", f"environments/{segment(url)}"),
        ("GET", f"packages?q=x&{url}={url}"),
        ("GET", f"packages?q=tool&environment={segment(url)}"),
        ("GET", f"nothing/{segment(url)}"),
    ):
        assert 400 <= client.raw(verb, f"{BASE_URL}condaenv/{path}").status < 500
    client.raw("GET", f"{BASE_URL}condaenv/the-end")
    poll(lambda: "the-end" in "".join(server.log))
    assert "channels/http%3A%2F%2Fhost%2Fc" in "".join(server.log)
    assert not [line for line in server.log if CANARY in line]


SECRETS_OF_THE_PERSON = (".condarc", ".rattler/credentials.json")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc here")
@pytest.mark.parametrize("how", ["token in .condarc", "login over REST"])
@pytest.mark.slow
def test_a_secret_is_nowhere_but_where_the_person_put_it(
    how: str, free: Home, serve: Serve, private: ChannelServer, tmp_path: Path
) -> None:
    host = urlsplit(private.url).netloc
    channel = f"http://{host}/t/{CANARY}" if how == "token in .condarc" else "http://127.0.0.1:9"
    (free.folder / ".condarc").write_text(f"channels: [{channel}]\nremote_max_retries: 0\n")
    free.env |= {"TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    server = serve()
    client = server.client()
    told = []
    with Onlooker() as onlooker:
        if how == "login over REST":
            body = {"channel": private.url, "first": True, "login": {"username": "me", "password": CANARY}}
            told.append(client.call("POST", "channels", body).body)
            told.append(client.call("DELETE", f"channels/{segment('http://127.0.0.1:9')}").body)
        told.append(client.do("POST", "environments", {"name": "geo", "specs": ["tool=1.0"]}))
        told.append(client.do("PATCH", "environments/geo/packages", {"add": ["extra", f"{private.url}::tool"]}))
        told.append(client.do("POST", "channel-checks", {}))
        for specs in (["no-such-package"], ["tool", "tool=1.0", "extra"]):  # what the solver says
            told.append(client.follow(client.start("POST", "environments", {"name": "bad", "specs": specs})))
        told += [
            client.call("POST", "environments", {"name": "x", "channels": [f"http://{host}/t/{CANARY}"]}).body,
            client.call("POST", "environments", {"name": "x", "specs": [f"http://{host}/t/{CANARY}::tool"]}).body,
            *(client.get(path) for path in ("channels", "configuration", "environments", "openapi.json", "jobs")),
            *(client.get(f"environments/geo/{path}") for path in ("lock", "packages", "revisions")),
        ]
        private.fail = {"*.conda": (403, 1000)}  # what a failing download says
        told.append(client.follow(client.start("POST", "environments", {"name": "bad", "specs": ["ipykernel"]})))
        private.token = f"another {CANARY}"  # what a refused login says
        told.append(client.follow(client.start("POST", "environments", {"name": "bad", "specs": ["ipykernel"]})))
        told.append(client.do("POST", "channel-checks", {}))
        for arguments in (("show", "geo"), ("config", "show", "--sources"), ("channel", "check"), ("list", "--json")):
            command = [sys.executable, "-m", "jupyter_condaenv.cli", *arguments]
            done = subprocess.run(command, env=free.env, cwd=free.folder, capture_output=True, text=True, timeout=120)
            told.append(done.stdout + done.stderr)
    assert CANARY not in repr(told)
    assert not [line for line in server.log if CANARY in line]
    assert onlooker.seen and not [line for line in onlooker.seen if CANARY.encode() in line]
    kept = [free.folder / name for name in SECRETS_OF_THE_PERSON]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path not in kept]
    assert len(files) > 50
    assert [str(path) for path in files if CANARY.encode() in path.read_bytes()] == []
