"""How channels are reached: every way to give a login, proxies, certificates, and that no secret stays anywhere."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jupyter_condaenv.engine import network
from jupyter_condaenv.engine.condarc import Condarc
from jupyter_condaenv.engine.errors import ChannelError, InvalidRequest
from jupyter_condaenv.engine.model import Changed, CreateEnvironment, Settings
from jupyter_condaenv.engine.rattler import solving
from jupyter_condaenv.engine.rattler.query import Query
from tests.channel import ChannelServer

from .child import in_child, operate

CANARY = "canary-6f1d"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    return found


@pytest.fixture
def private(tiny: Path) -> Iterator[ChannelServer]:
    """A channel that asks for a token or a password."""
    with ChannelServer(tiny, token=CANARY) as server:
        yield server


def netrc(home: Path, server: ChannelServer) -> dict[str, str]:
    (home / ".netrc").write_text(f"machine 127.0.0.1 login me password {CANARY}\n")
    (home / ".netrc").chmod(0o600)
    return {}


def netrc_elsewhere(home: Path, server: ChannelServer) -> dict[str, str]:
    netrc(home, server)
    (home / ".netrc").rename(home / "netrc")
    return {"NETRC": str(home / "netrc")}


def file_of_rattler(kind: object) -> Callable[[Path, ChannelServer], dict[str, str]]:
    def write(home: Path, server: ChannelServer) -> dict[str, str]:
        (home / "auth.json").write_text(json.dumps({"127.0.0.1": kind}))
        return {"RATTLER_AUTH_FILE": str(home / "auth.json")}

    return write


def store_of_rattler(home: Path, server: ChannelServer) -> dict[str, str]:
    (home / ".rattler").mkdir()
    (home / ".rattler" / "credentials.json").write_text(json.dumps({"127.0.0.1": {"CondaToken": CANARY}}))
    return {}


def condarc(text: str) -> Callable[[Path, ChannelServer], dict[str, str]]:
    def write(home: Path, server: ChannelServer) -> dict[str, str]:
        (home / ".condarc").write_text(text.replace("HOST", urlsplit(server.url).netloc))
        return {"SECRET": CANARY}

    return write


def condarc_beside_a_file(home: Path, server: ChannelServer) -> dict[str, str]:
    condarc("channels: ['http://me:${SECRET}@HOST']")(home, server)
    (home / "auth.json").write_text(json.dumps({"other.example.org": {"BearerToken": "x"}}))
    return {"RATTLER_AUTH_FILE": str(home / "auth.json"), "SECRET": CANARY}


def file_in_the_home(home: Path, server: ChannelServer) -> dict[str, str]:
    file_of_rattler({"BearerToken": CANARY})(home, server)
    return {"RATTLER_AUTH_FILE": "~/auth.json"}


LOGINS = {
    "netrc": netrc,
    "netrc in another place": netrc_elsewhere,
    "bearer token in rattler's file": file_of_rattler({"BearerToken": CANARY}),
    "password in rattler's file": file_of_rattler({"BasicHTTP": {"username": "me", "password": CANARY}}),
    "token in rattler's file": file_of_rattler({"CondaToken": CANARY}),
    "rattler's file, from the home": file_in_the_home,
    "rattler's store": store_of_rattler,
    "token in .condarc": condarc(f"channels: [http://HOST/t/{CANARY}/]"),
    "password in .condarc": condarc("channels: ['http://me:${SECRET}@HOST']"),
    "password in .condarc, and a file": condarc_beside_a_file,
    "token in channel_alias": condarc(f"channel_alias: http://HOST/t/{CANARY}"),
    "token in custom_channels": condarc(f"custom_channels: {{ours: http://HOST/t/{CANARY}}}"),
}


@pytest.mark.parametrize("way", LOGINS)
def test_a_private_channel(
    way: str, private: ChannelServer, home: Path, tmp_path: Path, settings: Callable[..., Settings]
) -> None:
    env = LOGINS[way](home, private)
    ours = settings()
    request = CreateEnvironment(prefix=f"{ours.envs_dirs[0]}/one", specs=("app",), channels=(private.url,))
    result, _ = operate(request, ours, env=env)
    assert isinstance(result, Changed)
    assert result.plan.lock.channels == (private.url,)
    assert all(package.url.startswith(f"{private.url}/noarch/") for package in result.plan.lock.packages)
    assert CANARY not in repr(result)
    assert secrets_in(tmp_path, but=home) == []


def secrets_in(folder: Path, but: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(but))
    return [str(path) for path in files if CANARY.encode() in path.read_bytes()]


def test_without_a_login_it_says_so(private: ChannelServer, home: Path, settings: Callable[..., Settings]) -> None:
    request = CreateEnvironment(prefix=f"{settings().envs_dirs[0]}/one", specs=("app",), channels=(private.url,))
    with pytest.raises(ChannelError, match="401") as caught:
        operate(request, settings())
    assert "netrc" in caught.value.hint
    assert "network" not in caught.value.hint
    condarc(f"channels: [http://HOST/t/wrong-{CANARY}/]")(home, private)
    with pytest.raises(ChannelError, match="403") as caught:
        operate(request, settings())
    assert CANARY not in repr(caught.value.failure())


# --- proxies, certificates, retries ---


def solve(channel: str, cache: Path) -> list[str]:
    query = Query(specs=("app",), channels=(channel,), platform="noarch", virtual=(), timeout=30.0, cache_dir=cache)
    return [package.name for package in solving.solve(query)]


@pytest.mark.parametrize("place", [".condarc", "environment"])
def test_a_proxy(place: str, tiny: Path, home: Path, tmp_path: Path) -> None:
    """The server takes any host for itself, as a proxy does."""
    env: dict[str, str | None] = {"http_proxy": None, "HTTP_PROXY": None}
    with ChannelServer(tiny) as server:
        if place == ".condarc":
            (home / ".condarc").write_text(f"proxy_servers: {{http: 'http://me:pw@{urlsplit(server.url).netloc}'}}")
        else:
            env["http_proxy"] = server.url
        assert in_child(solve, "http://nowhere.invalid/", tmp_path / "cache", env=env) == ["app", "libbase"]
        assert server.log


def test_no_proxy_although_the_environment_names_one(tiny: Path, home: Path, tmp_path: Path) -> None:
    (home / ".condarc").write_text("proxy_servers: {http: }")
    with ChannelServer(tiny) as server:
        env = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
        env |= {"no_proxy": "", "NO_PROXY": ""}
        assert in_child(solve, server.url, tmp_path / "cache", env=env) == ["app", "libbase"]


@pytest.mark.parametrize(
    ("text", "no_proxy"), [("proxy_servers: {http: , https: }", ""), ("proxy_servers: {http: 'h:9'}", "*"), ("", "*")]
)
def test_no_proxy_for_any_host(text: str, no_proxy: str, tiny: Path, home: Path, tmp_path: Path) -> None:
    """One that has an address and no name is one, too."""
    (home / ".condarc").write_text(f"{text}\nremote_max_retries: 0\n")
    with ChannelServer(tiny) as server:
        env = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
        env |= {"no_proxy": no_proxy, "NO_PROXY": no_proxy}
        assert in_child(solve, server.url, tmp_path / "cache", env=env) == ["app", "libbase"]


def test_a_proxy_that_is_down_does_not_tell_its_password(home: Path, tmp_path: Path) -> None:
    (home / ".condarc").write_text(
        f"proxy_servers: {{http: 'http://me:{CANARY}@127.0.0.1:9'}}\nremote_max_retries: 0\n"
    )
    with pytest.raises(ChannelError) as caught:
        in_child(solve, "http://nowhere.invalid/c", tmp_path / "cache")
    assert CANARY not in repr(caught.value.failure())


def test_retries(tiny: Path, home: Path, tmp_path: Path) -> None:
    (home / ".condarc").write_text("remote_max_retries: 0\n")
    with ChannelServer(tiny, fail={"noarch/repodata_shards*": (503, 1)}) as server:
        with pytest.raises(ChannelError, match="503"):
            in_child(solve, server.url, tmp_path / "cache")
        (home / ".condarc").write_text("remote_max_retries: 2\n")
        server.fail = {"noarch/repodata_shards*": (503, 1)}
        assert in_child(solve, server.url, tmp_path / "cache") == ["app", "libbase"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority's certificate, `ca.pem`, and key and certificate of a server that it vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here. `apt install openssl` would add it")
    folder = tmp_path_factory.mktemp("authority")
    (folder / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
        "req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out cert.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def encrypted(tiny: Path, authority: Path) -> Iterator[str]:
    """The address of a channel behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    with ChannelServer(tiny, tls=context) as server:
        yield server.url


@pytest.mark.parametrize(
    ("text", "env"),
    [
        ("ssl_verify: false", {}),
        ("ssl_verify: AUTHORITY/ca.pem", {}),
        ("", {"REQUESTS_CA_BUNDLE": "AUTHORITY/ca.pem", "SSL_CERT_FILE": None}),
        ("", {"SSL_CERT_FILE": "AUTHORITY/ca.pem", "REQUESTS_CA_BUNDLE": "/nowhere"}),
    ],
)
def test_a_certificate_is_trusted(
    text: str, env: dict[str, str | None], encrypted: str, authority: Path, home: Path, tmp_path: Path
) -> None:
    (home / ".condarc").write_text(text.replace("AUTHORITY", str(authority)))
    variables = {name: value and value.replace("AUTHORITY", str(authority)) for name, value in env.items()}
    assert in_child(solve, encrypted, tmp_path / "cache", env=variables) == ["app", "libbase"]


@pytest.mark.parametrize("text", ["", "ssl_verify: true", "ssl_verify: truststore"])
def test_a_certificate_that_nobody_vouches_for(text: str, encrypted: str, home: Path, tmp_path: Path) -> None:
    (home / ".condarc").write_text(f"{text}\nremote_max_retries: 0\n")
    with pytest.raises(ChannelError, match="certificate") as caught:
        in_child(solve, encrypted, tmp_path / "cache")
    assert "ssl_verify" in caught.value.hint


def test_a_server_that_wants_a_certificate(tiny: Path, authority: Path, home: Path, tmp_path: Path) -> None:
    """Which is not sent: it is said, and why a setting does not help."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    context.load_verify_locations(authority / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    mine = f"client_ssl_cert: {authority}/cert.pem\nclient_ssl_cert_key: {authority}/key.pem\n"
    (home / ".condarc").write_text(f"ssl_verify: {authority}/ca.pem\nremote_max_retries: 0\n{mine}")
    with ChannelServer(tiny, tls=context) as server, pytest.raises(ChannelError) as caught:
        in_child(solve, server.url, tmp_path / "cache")
    assert "client_ssl_cert in .condarc has no effect: the engine sends no certificates" in caught.value.hint


def test_a_login_by_a_plugin_of_conda(tiny: Path, home: Path, tmp_path: Path) -> None:
    with ChannelServer(tiny, token="secret") as server:
        (home / ".condarc").write_text(f"channel_settings: [{{channel: {server.url}, auth: some-plugin}}]\n")
        with pytest.raises(ChannelError) as caught:
            in_child(solve, server.url, tmp_path / "cache")
    assert "channel_settings in .condarc has no effect: logins come from elsewhere" in caught.value.hint


def test_certificates_that_are_not_there(home: Path, tmp_path: Path) -> None:
    (home / ".condarc").write_text("ssl_verify: /nowhere/ca.pem")
    with pytest.raises(InvalidRequest, match=r"ssl_verify in \.condarc names /nowhere/ca.pem"):
        in_child(solve, "http://127.0.0.1:9", tmp_path / "cache")


@pytest.mark.parametrize("place", [".condarc", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_certificates_that_are_none(place: str, content: str, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(content)
    env: dict[str, str | None] = {"SSL_CERT_FILE": None, "SSL_CERT_DIR": None, "REQUESTS_CA_BUNDLE": None}
    if place == ".condarc":
        (home / ".condarc").write_text(f"ssl_verify: {file}\n")
    else:
        env[place] = str(file)
    with pytest.raises(InvalidRequest, match=f"{file} holds no certificates"):
        in_child(solve, "http://127.0.0.1:9", tmp_path / "cache", env=env)


def test_a_login_file_that_is_none(home: Path, private: ChannelServer, tmp_path: Path) -> None:
    env = condarc_beside_a_file(home, private)
    for content in ("{", "[]"):
        (home / "auth.json").write_text(content)
        with pytest.raises(InvalidRequest, match=str(home / "auth.json")):
            in_child(solve, private.url, tmp_path / "cache", env=env)


@pytest.mark.parametrize("content", ["", "{", "[]", f'{{"127.0.0.1": "{CANARY}"}}', '{"127.0.0.1": {"Other": "x"}}'])
@pytest.mark.parametrize("name", ["auth.json", ".rattler/credentials.json"])
def test_a_login_file_that_rattler_cannot_read(name: str, content: str, tiny: Path, home: Path, tmp_path: Path) -> None:
    """Is told without what stands in it, which is secret, and is not read where nothing is fetched."""
    file = home / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)
    env = {"RATTLER_AUTH_FILE": str(home / "auth.json")}
    with pytest.raises(InvalidRequest, match=str(file)) as caught:
        in_child(solve, tiny.as_uri(), tmp_path / "cache", env=env)
    assert CANARY not in repr(caught.value.failure()) and "channel add" in caught.value.hint


def test_offline_no_login_is_read(tiny: Path, home: Path, settings: Callable[..., Settings]) -> None:
    (home / ".rattler").mkdir()
    (home / ".rattler" / "credentials.json").write_text("")
    ours = settings(channels=(tiny.as_uri(),), offline=True)
    request = CreateEnvironment(prefix=f"{ours.envs_dirs[0]}/one", specs=("app",))
    assert isinstance(operate(request, ours)[0], Changed)


def test_everything_that_fetches_does_it_so() -> None:
    """py-rattler's own clients know nothing of ``.condarc``."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(solving.__file__).parent.glob("*.py"))
    assert "default_client" not in source
    assert source.count("from_config(") == 1
    assert "Gateway()" not in source


# --- what .condarc means ---


@pytest.mark.parametrize(
    ("said", "env", "expected"),
    [
        ({}, {"http_proxy": "http://e:1"}, {}),
        ({"http": "http://p:1"}, {}, {"http": "http://p:1"}),
        ({"http": "p:1"}, {"https_proxy": "http://e:1"}, {"http": "http://p:1", "https": "http://e:1"}),
        ({"all": "http://p"}, {}, {"http": "http://p", "https": "http://p"}),
        ({"all": "http://p", "https": "http://q"}, {}, {"http": "http://p", "https": "http://q"}),
        ({"http": ""}, {"http_proxy": "http://e:1", "https_proxy": "http://f:1"}, {"https": "http://f:1"}),
        ({"all": ""}, {"http_proxy": "http://e:1"}, {"http": "", "https": ""}),
    ],
)
def test_proxies(said: dict[str, str], env: dict[str, str], expected: dict[str, str]) -> None:
    assert network.of(Condarc(proxy_servers=said), env).proxies == expected


@pytest.mark.parametrize(
    "url",
    [
        *("http://", "http://h:port", "http://h:99999", "http://a b"),
        *("http://me:canary@/", "http://me:can canary@p", "me:a/canary x@p"),
    ],
)
def test_no_proxy(url: str) -> None:
    with pytest.raises(InvalidRequest, match="proxy") as caught:
        network.of(Condarc(proxy_servers={"http": url}), {})
    assert "canary" not in repr(caught.value.failure())


def test_what_a_program_is_told_of_proxies() -> None:
    """In both spellings: the engine looks at the large one first."""
    with network.of(Condarc(proxy_servers={"https": "p:1"}), {}).for_child() as (told, _):
        assert told["HTTPS_PROXY"] == told["https_proxy"] == "http://p:1"
        assert {told[name] for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")} == {""}
    with network.of(Condarc(proxy_servers={"http": ""}), {"http_proxy": "http://e"}).for_child() as (told, _):
        assert {name.lower() for name in told} == {"http_proxy", "https_proxy", "all_proxy"}
        assert set(told.values()) == {""}
    with network.of(Condarc(), {"http_proxy": "http://e"}).for_child() as (told, _):
        assert told == {}


def test_hosts_without_a_proxy() -> None:
    found = network.of(Condarc(proxy_servers={"http": "http://p"}), {"no_proxy": "localhost, .example.org,"})
    assert found.no_proxy == ("localhost", ".example.org")


def test_secrets() -> None:
    found = network.of(
        Condarc(
            secrets={
                "https://a:8443/c": "https://me:p%40ss@a:8443/c",
                "https://b/x/c": "https://b/x/t/tok/c/",
                "https://c/y": "https://me@c/t/tok/y",
                "https://d/z": "https://${USER}:${PASSWORD}@d/z",
            }
        ),
        {},
    )
    assert found.logins == {"a": ("me", "p@ss"), "c": ("me", "")}
    assert found.with_token == {"https://b/x/c/": "https://b/x/t/tok/c/", "https://c/y/": "https://c/t/tok/y/"}
