"""Files that say what an environment is to be: read as they were meant, or refused with the line and what to do."""

from __future__ import annotations

import re
import time
from pathlib import Path

import msgspec
import pytest

from jupyter_condaenv.engine import specfiles
from jupyter_condaenv.engine.channels import base_url, host_subdir
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.formats.source import is_request
from jupyter_condaenv.engine.model import ChangePackages, Lock, Strategy, Target
from jupyter_condaenv.engine.rattler import matchspec
from jupyter_condaenv.engine.specfiles import SpecFile

URL = "https://host/c/linux-64/a-1.0-0.conda"
MD5, SHA256 = "0123456789abcdef" * 2, "0123456789abcdef" * 4


def read(text: str | bytes, name: str = "environment.yml", platform: str = "linux-64") -> SpecFile:
    return specfiles.read(name, text.encode() if isinstance(text, str) else text, platform)


def refused(text: str | bytes, name: str = "environment.yml", platform: str = "linux-64") -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(text, name, platform)
    assert caught.value.message.startswith(name) and caught.value.hint
    assert caught.value.details["file"] == name
    return caught.value


# --- environment.yml ---


def test_everything_said() -> None:
    found = read(
        "name: geo\nchannels:\n  - conda-forge\n  - nodefaults\n  - https://host/ours/linux-64\nplatforms: [linux-64]\n"
        "dependencies:\n  - python >=3.10,<3.13\n  - conda-forge::numpy=2.*\n  - 'scipy[version=\">=1\"]'  # why\n"
        "  - foo=1.2=py3*_0\n  - bar=1=0\n  - pip\n  - pip:\n      - requests>=2  # a comment\n      - -e ./here\n"
        "variables:\n  MODE: yes\n  NUMBER: 010\n  EMPTY:\nprefix: /home/me/geo\n"
    )
    assert found == SpecFile(
        format="environment.yml",
        name="geo",
        spec_lines=dict(zip(found.specs, (8, 9, 10, 11, 12, 13), strict=True)),
        channels=("conda-forge", "https://host/ours/linux-64"),
        channel_lines={"conda-forge": 3, "https://host/ours/linux-64": 5},
        platforms=("linux-64",),
        specs=(
            "python >=3.10,<3.13", "conda-forge::numpy=2.*", 'scipy[version=">=1"]', "foo=1.2=py3*_0", "bar=1=0", "pip",
        ),
        pip=("requests>=2", "-e ./here"),
        pip_lines={"requests>=2": 15, "-e ./here": 16},
        variables={"MODE": "yes", "NUMBER": "010", "EMPTY": ""},
        warnings=found.warnings,
    )  # fmt: skip
    assert base_url(found.channels[1], "https://alias") == "https://host/ours"
    (warning,) = found.warnings
    assert "as in bar=1=0" in warning


@pytest.mark.parametrize(
    "content",
    [
        "name: größe\ndependencies: [a]\n".encode(),
        "\ufeffname: größe\ndependencies: [a]\n".encode(),
        "\ufeffname: größe\ndependencies: [a]\n".encode("utf-16-le"),
        "\ufeffname: größe\r\ndependencies: [a]\r\n".encode("utf-16-be"),
        "---\r\nname: größe\r\ndependencies:\r\n- a\r\n...\r\n".encode(),
        "name: größe\rdependencies: [a]\r".encode(),
    ],
)
def test_encodings_and_ends_of_lines(content: bytes) -> None:
    for found in (read(content), specfiles.read("environment.yml", "\ufeffname: größe\ndependencies: [a]")):
        assert (found.format, found.name, found.specs) == ("environment.yml", "größe", ("a",))


def test_tags_say_no_more_than_what_a_value_is() -> None:
    assert read("name: !!str n\ndependencies: !!seq [! a, !!str b]\n").specs == ("a", "b")
    error = refused("name: n\ndependencies:\n  - !!python/object:os.system a\n")
    assert error.details["line"] == 3 and "python/object:os.system" in error.message


def test_anchors_are_followed() -> None:
    assert read("x-common: &c [a, b]\nname: n\ndependencies: *c\n").specs == ("a", "b")


def test_mappings_are_merged() -> None:
    found = read(
        "x-a: &a\n  A: a\n  B: a\nx-b: &b\n  B: b\n  C: b\nx-all: &all\n  channels: [c]\n  name: other\n"
        "<<: *all\nname: n\ndependencies: [d]\nvariables:\n  <<: [*a, *b]\n  A: own\n"
    )
    assert (found.name, found.channels, found.channel_lines) == ("n", ("c",), {"c": 8})
    assert found.variables == {"A": "own", "B": "a", "C": "b"}
    assert not any("<<" in warning for warning in found.warnings)
    nested = read("x: &x {A: a}\ny: &y {<<: *x, B: b}\ndependencies: []\nvariables: {<<: {<<: *y, C: c}}\n")
    assert nested.variables == {"A": "a", "B": "b", "C": "c"}


def test_what_has_a_channel_or_variables_alone_asks_for_no_packages() -> None:
    for text in ("channels: [conda-forge]\n", "dependencies:\n", "variables: {A: b}\ndependencies: []\n"):
        assert read(text).specs == () and "asks for no packages" in read(text).warnings[0]


@pytest.mark.parametrize("channels", ["channels:\n", "channels: null\n", "channels: []\n", ""])
def test_no_channels_are_the_configured_ones(channels: str) -> None:
    assert read(f"{channels}dependencies: [a]\n").channels == ()


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux-64", ("l", "u", "n", "cl", "nw", "wx")),
        ("osx-arm64", ("o", "u", "n", "ca", "nw", "wo")),
        ("win-64", ("w", "n", "cw", "wo")),
    ],
)
def test_selectors(platform: str, expected: tuple[str, ...]) -> None:
    text = (
        "dependencies:\n  - sel(linux): l\n  - sel(osx): o\n  - sel(win): w\n  - sel(unix): u\n  - n\n"
        "  - cl  # [linux64]\n  - ca  # [arm64]\n  - cw #[win]\n  - nw  # [not win]\n  - cp  # [ppc64le]\n"
        "  - wo  # [win or osx]\n  - wx  # [ not win and x86 ]\n"
    )
    found = read(text, platform=platform)
    assert found.specs == expected
    assert any("line" in warning and "left out" in warning for warning in found.warnings)


def test_what_is_not_for_this_platform_is_left_out_whatever_else_it_asks_for() -> None:
    found = read("dependencies:\n  - a\n  - vs2015_runtime  # [win and py<35]\n")
    assert found.specs == ("a",)
    assert found.warnings == ("environment.yml, line 3: left out, it is for win and py<35",)


@pytest.mark.parametrize("comment", ["# [gpu]", "# [see below]", "# [1]", "# why [linux-like]"])
def test_a_comment_that_names_no_platform_is_a_comment(comment: str) -> None:
    found = read(f"dependencies:\n  - a  {comment}\n  - b\n")
    assert (found.specs, found.warnings) == (("a", "b"), ())


@pytest.mark.parametrize("below", ["  - pip:\n", "  - pip: []\n  - b\n", "  - pip:\n  - pip: [b]\n"])
def test_a_list_for_pip_that_is_empty_at_its_place(below: str) -> None:
    assert read(f"dependencies:\n  - a\n{below}").specs[0] == "a"


def test_rows_that_pip_installed_are_for_pip() -> None:
    found = read("dependencies:\n  - attrs=23.1.0=pypi_0\n  - ruamel.yaml==0.17=pypi_0\n  - a=1=0\n")
    assert found.pip == ("attrs==23.1.0", "ruamel.yaml==0.17")
    assert found.specs == ("a=1=0",)
    assert "pip had installed attrs=23.1.0=pypi_0 and 1 more, which no channel has" in found.warnings[0]
    assert "the environment gets pip and Python" in found.warnings[0]


@pytest.mark.parametrize("name", ["empty", "empty.cfg"])
def test_what_kinds_of_files_there_are_is_told(name: str) -> None:
    error = refused("\n", name)
    assert error.message == f"{name}: There is nothing in it." and "environment.yml, explicit lists" in error.hint
    error = refused("import numpy\n", "book.py")
    assert error.message.startswith("book.py: It is no file that") and "environment.yml, explicit" in error.hint
    assert "environment.yml, explicit lists" in refused('{"a": 1}', "a.json").hint


@pytest.mark.parametrize("name", ["environment.yml", "pixi.toml"])
def test_a_channel_that_is_a_path_is_seen_from_the_folder_of_the_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = {
        "environment.yml": "channels:\n  - '{channel}'\ndependencies: [a]\n",
        "pixi.toml": "[workspace]\nchannels = ['{channel}']\n[dependencies]\na = '*'\n",
    }[name]
    file = tmp_path / "work" / name
    (tmp_path / "channel").mkdir()
    file.parent.mkdir()
    file.write_text(text.format(channel="../channel"))
    found = specfiles.read_file(file)
    assert specfiles.creation(found, name, "/env").channels == (str(tmp_path / "channel"),)
    targets = [Target(platform="linux-64")]
    asked = specfiles.targets(name, file.read_text(), targets, without_pip=False, folder=str(file.parent))
    assert asked.channels == (str(tmp_path / "channel"),)
    monkeypatch.chdir(file.parent)
    asked = specfiles.targets(name, file.read_text(), targets, without_pip=False, folder=".")
    assert asked.channels == (str(tmp_path / "channel"),)
    for there in (f"{tmp_path}/channel/linux-64", (tmp_path / "channel").as_uri(), "https://host/c", "conda-forge"):
        specfiles.creation(read(text.format(channel=there), name), name, "/env")
    for gone in (f"{tmp_path}/gone", (tmp_path / "gone").as_uri(), "file:///nowhere/linux-64"):
        with pytest.raises(InvalidRequest, match=f"{name}, line 2: The channel .* is no folder") as caught:
            specfiles.creation(read(text.format(channel=gone), name), name, "/env")
        assert caught.value.hint and caught.value.details["line"] == 2
        with pytest.raises(InvalidRequest, match="is no folder on this machine"):
            specfiles.change(read(text.format(channel=gone), name), name, ChangePackages(prefix="/env"))
        with pytest.raises(InvalidRequest, match="is no folder on this machine"):
            specfiles.targets(name, text.format(channel=gone), targets, without_pip=False)


def test_a_manifest_that_asks_for_nothing_is_told() -> None:
    found = read("[workspace]\nchannels = []\n", "pixi.toml")
    assert specfiles.creation(found, "pixi.toml", "/env").notes == ("pixi.toml asks for no packages",)
    found = read("dependencies: []\n")
    assert specfiles.creation(found, "environment.yml", "/env").notes == ("environment.yml asks for no packages",)


def test_variables_are_as_they_stand() -> None:
    found = read("dependencies: [a]\nvariables:\n  HERE: ${HOME}/data\n")
    assert found.variables == {"HERE": "${HOME}/data"}
    assert "line 3: HERE" in found.warnings[0]


def test_another_platform_than_this_is_told() -> None:
    assert "osx-64; this is linux-64" in read("platforms: [osx-64]\ndependencies: [a]\n").warnings[0]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 0, "nothing in it"),
        ("# only a comment\n", 0, "nothing in it"),
        ("null\n", 0, "nothing in it"),
        ("- a\n- b\n", 1, "no environment file"),
        ("just text\n", 1, "no environment file"),
        ("name: n\ndependecies: [a]\n", 2, "no key `dependecies`"),
        ("name: n\nchanels: [a]\ndependencies: [a]\n", 2, "no key `chanels`"),
        ("Dependencies: [a]\n", 1, "no key `Dependencies`"),
        ("name: n\nrequirements: [a]\n", 2, "`requirements` is nothing"),
        ("name: n\ndependencies: [a]\nname: m\n", 3, "`name` stands there a second time, after line 1"),
        ("dependencies:\n  - pip:\n      - a\n    pip:\n      - b\n", 4, "`pip` stands there a second time"),
        ("dependencies:\n\t- a\n", 2, "tab"),
        ("name: n\n  dependencies: [a]\n", 2, "not YAML"),
        ("dependencies: [a\n", 0, "not YAML"),
        ("dependencies: *a\n", 1, "not YAML"),
        ("dependencies: {a: b}\n", 1, "not a list"),
        ("dependencies:\n  - [a]\n", 2, "not a text"),
        ("dependencies:\n  - a\n  -\n", 3, "not a text"),
        ("dependencies:\n  - numpy: 1.2\n", 2, "`numpy:` is no list"),
        ("dependencies:\n  - conda:\n    - a\n", 2, "`conda:` is no list"),
        ("dependencies:\n  - 'numpy{{ v }}'\n", 2, "template"),
        ("dependencies:\n  - numpy=${V}\n", 2, "filled in from a variable"),
        ("dependencies:\n  - a\n  - '>=1.2'\n", 3, "not a package request"),
        ("dependencies:\n  - a, b\n", 2, "not a package request"),
        ("dependencies:\n  - sel(amiga): a\n", 2, "`amiga` is no selector"),
        ("dependencies:\n  - a  # [linux and py<35]\n", 2, "`linux and py<35` is no selector"),
        ("dependencies:\n  - a\n  - b  # [py3k]\n", 3, "`py3k` is no selector"),
        ("dependencies:\n  - a  # [not (osx or win)]\n", 2, "`not (osx or win)` is no selector"),
        ("dependencies:\n  - a  # [linux only]\n", 2, "`linux only` is no selector"),
        ("dependencies:\n  - pip:\n  - b\n  - c\n", 2, "`pip:` has nothing below it, and 'b' stands beside it"),
        ("dependencies:\n  - sel(linux):  # some\n  - b\n", 2, "`sel(linux):` has nothing below it"),
        ("channels:\n  - https://host/$TOKEN/c\ndependencies: [a]\n", 2, "filled in from a variable"),
        ("channels:\n  - https://me:pw@host/c\ndependencies: [a]\n", 2, "token or a password"),
        ("channels:\n  - https://host/t/tk-123/c\ndependencies: [a]\n", 2, "token or a password"),
        ("dependencies:\n  - https://me:pw@host/c::a\n", 2, "token or a password"),
        ("channels:\n  - ./here\ndependencies: [a]\n", 2, "seen from where the file lies"),
        ("dependencies:\n  - a>=1,<2\n  - a=>1\n", 3, "'a=>1' is not a package request"),
        ("dependencies:\n  - c::a ===1\n", 2, "'c::a ===1' is not a package request"),
        ("dependencies:\n  - a >=\n", 2, "'a >=' is not a package request"),
        ("channels: {a: b}\ndependencies: [a]\n", 1, "not a list"),
        ("name: [a]\ndependencies: [a]\n", 1, "not a text"),
        ("dependencies: [a]\nvariables: [A]\n", 2, "not a mapping"),
        ("dependencies: [a]\nvariables:\n  A-B: c\n", 3, "no name of a variable"),
        ("dependencies: [a]\nvariables:\n  A: [c]\n", 3, "not a text"),
        ("dependencies: [a]\n? [b]\n: c\n", 2, "A key is not a text"),
        ("dependencies: [a]\n<<: b\n", 2, "`<<` takes in something that is not a mapping"),
        ("x: &x {A: b}\nvariables:\n  <<: *x\n  <<: *x\n", 4, "`<<` stands there a second time, after line 3"),
        ("x: &x {A: b, A: c}\ndependencies: []\nvariables:\n  <<: *x\n", 1, "`A` stands there a second time"),
        ("variables: {'<<': {A: b}}\n", 1, "no name of a variable"),
        ("name: a\n---\nname: b\n", 2, "not YAML"),
        ("name: n\ndependencies:\n  - a\x07b\n", 3, "a character that no text has"),
        ("!!python/object/apply:os.system ['true']", 1, "nothing that is known here"),
    ],
)
def test_an_environment_file_that_is_refused(text: str, line: int, told: str) -> None:
    error = refused(text)
    assert told in error.message
    if line:
        assert f"environment.yml, line {line}: " in error.message
        assert error.details["line"] == line


def test_every_misspelt_key_is_named_with_what_was_meant() -> None:
    error = refused("names: n\nchanels: [a]\ndependecies: [a]\nprefis: /x\n")
    for word, meant in (("names", "name"), ("chanels", "channels"), ("dependecies", "dependencies")):
        assert f"`{meant}` for `{word}` (line " in error.hint
    assert error.details["meant"]["prefis"] == "prefix"


def test_a_secret_is_not_repeated() -> None:
    error = refused("channels: ['https://me:hush@host/c']\ndependencies: [a]\n")
    assert "hush" not in f"{error.message}{error.hint}{error.details}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("name: größe\n".encode("latin-1"), "line 1: It is not text in UTF-8"),
        ("a\nb: größe\n".encode("latin-1"), "line 2: It is not text in UTF-8"),
        (b"\xff\xfeodd", "It is not text in UTF-16"),
        (b"PK\x03\x04\x00\x00", "character"),
        (b"a: " + b"x" * specfiles.MOST_BYTES, "larger than 20 MB"),
        (b"a: b\nc: " + b"x" * 20_000, "line 2: This line has 20003 characters"),
    ],
)
def test_what_is_no_text(content: bytes, told: str) -> None:
    assert told in refused(content).message


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
        + "\ndependencies: *a11\n",
        "\n".join(["a0: &a0 {A: b}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12))])
        + "\nvariables: *a11\n",
        "dependencies: " + "[" * 9_000,
        "dependencies: " + "{a: " * 2_000,
        "- " * 4_000,
        "dependencies: &a [*a]\n",
        "dependencies: &a\n  - pip: *a\n",
    ],
)
def test_bombs_are_refused_quickly(text: str) -> None:
    began = time.process_time()
    refused(text)
    assert time.process_time() - began < 10  # some of these would take longer than anybody lives


@pytest.mark.parametrize(
    "text",
    [
        *("a=>1", "a =<1", "a===1", "c::a<>1", "a~1", "a=", "a>= "),
        *("a[version=", "a[version='>=1'", "a >=1,", "a>=1,,<2", "a >=1, <", "a=1.*|", "a 1||2"),
    ],
)
def test_what_is_refused_with_its_line_is_no_request_to_the_solver_either(text: str) -> None:
    assert not is_request(text)
    with pytest.raises(InvalidRequest):
        matchspec.spec_name(text)


# --- explicit lists ---


def test_an_explicit_list_for_another_machine_is_refused_with_its_line() -> None:
    urls = "https://h/c/noarch/b-2-0.conda", "https://h/c/win-64/a-1.0-0.tar.bz2"
    found = read("\n".join(["# platform: win-64", "@EXPLICIT", *urls]), "win.txt")
    with pytest.raises(InvalidRequest) as caught:
        specfiles.creation(found, "win.txt", "/env")
    assert caught.value.message == f"win.txt, line 4: It is for win-64, and this machine is {host_subdir()}."
    assert caught.value.hint.startswith(f"Take the one for {host_subdir()}, or make one")
    assert caught.value.details == {"file": "win.txt", "line": 4}


@pytest.mark.parametrize(
    ("promised", "md5", "sha256"),
    [
        ("", "", ""),
        (f"#{MD5}", MD5, ""),
        (f"#{MD5.upper()}", MD5, ""),
        (f"#sha256:{SHA256}", "", SHA256),
        (f"#{SHA256}", "", SHA256),
        (f" # md5:{MD5}", MD5, ""),
    ],
)
def test_a_line_of_an_explicit_list(promised: str, md5: str, sha256: str) -> None:
    text = f"# platform: osx-64\r\n@EXPLICIT\r\n\r\n# why\r\n{URL}{promised}\r\n{URL}{promised}\r\n"
    lock = read(text, "any.name").lock
    assert lock is not None
    (package,) = lock.packages
    assert (package.md5, package.sha256, package.partial) == (md5, sha256, True)
    assert (package.name, package.version, package.build) == ("a", "1.0", "0")
    assert (lock.platform, lock.channels) == ("linux-64", ("https://host/c",))
    assert bool(read(text, "any.name").warnings) == (not promised)


def test_a_token_that_conda_has_hidden_is_none() -> None:
    lock = read(f"@EXPLICIT\nhttps://host/t/<TOKEN>/c/noarch/a-1.0-0.conda#{MD5}\n", "list.txt").lock
    assert lock is not None and lock.packages[0].url == "https://host/c/noarch/a-1.0-0.conda"
    assert lock.channels == ("https://host/c",)


def test_a_list_of_packages_for_every_platform_is_for_the_one_it_names() -> None:
    url = "/home/me/c/noarch/some-name-1.0_2-py_0.tar.bz2"
    for text, platform in ((f"# platform: win-64\n@EXPLICIT\n{url}\n", "win-64"), (f"@EXPLICIT\n{url}\n", "linux-64")):
        lock = read(text, "list.txt").lock
        assert lock is not None and lock.platform == platform
        assert lock.packages[0].url == f"file://{url}"
        assert (lock.packages[0].name, lock.packages[0].version) == ("some-name", "1.0_2")


@pytest.mark.parametrize(
    ("lines", "line", "told"),
    [
        ("", 0, "names no package"),
        ("numpy=1.2", 3, "not the URL of a package"),
        ("https://host/c/linux-64/a-1.0.conda", 3, "not the URL of a package"),
        ("https://host/c/a-1.0-0.conda", 3, "not the URL of a package"),
        ("ftp://host/c/linux-64/a-1.0-0.conda", 3, "not the URL of a package"),
        ("c/linux-64/a-1.0-0.conda", 3, "not the URL of a package"),
        (f"{URL}#abc", 3, "'abc' is no md5"),
        (f"{URL}#md5={'0' * 64}", 3, f"'{'0' * 64}' is no md5"),
        (f"{URL}#sha256:{'g' * 64}", 3, "is no sha256"),
        (f"{URL}\nhttps://host/c/win-64/b-1.0-0.conda", 4, "for win-64, after one for linux-64 in line 3"),
        (f"{URL}\nhttps://host/c/linux-64/a-2.0-0.conda", 4, "a stands there already, in line 3"),
        ("https://$HOST/c/linux-64/a-1.0-0.conda", 3, "filled in from a variable"),
        ("~/c/linux-64/a-1.0-0.conda", 3, "filled in from a variable"),
        ("https://me:hush@host/c/linux-64/a-1.0-0.conda", 3, "token or a password"),
        ("https://host/t/hush/c/linux-64/a-1.0-0.conda", 3, "token or a password"),
    ],
)
def test_an_explicit_list_that_is_refused(lines: str, line: int, told: str) -> None:
    error = refused(f"# made by hand\n@EXPLICIT\n{lines}\n", "list.txt")
    assert told in error.message and "hush" not in error.message
    assert error.details.get("line", 0) == line


def test_an_explicit_list_without_its_mark() -> None:
    for name in ("list.txt", "list"):
        error = refused(f"# platform: linux-64\n{URL}#{MD5}\nhttps://host/c/noarch/b-1.0-0.tar.bz2\n", name)
        assert "looks like an explicit list" in error.message and "@EXPLICIT" in error.hint
    assert "no requirement" in refused(f"requests\n{URL}\n", "list.txt").message
    for lines in (f"@explicit\n{URL}\n", f"# made by hand\n@Explicit\n{URL}\n/c/noarch/b-1.0-0.conda\n"):
        assert "@EXPLICIT, in capitals," in refused(lines, "list.txt").hint


# --- others ---


def test_a_lock_of_ours() -> None:
    lock = Lock(platform="linux-64", channels=(), specs=(), packages=())
    assert read(msgspec.json.encode(lock), "lock.json").lock == lock
    for text in ('{"version": 1}', "{", "{" * 100_000):
        assert "not a lock of jupyter_condaenv" in refused(text, "lock.json").message


def test_a_file_of_no_known_kind() -> None:
    assert "Known are" in refused("MZ", "setup.exe").hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yml"):
        with pytest.raises(InvalidRequest, match=str(path)):
            specfiles.read_file(path)


# --- from a file to a request ---


def test_requirements_for_pip_are_asked_for_or_left_out() -> None:
    found = read("dependencies: [a, pip: [requests, 'git+https://me:hush@host/x']]\n")
    with pytest.raises(InvalidRequest, match=r"environment.yml, line 1, for pip: 'git\+https://host/x'") as caught:
        specfiles.creation(found, "environment.yml", "/env")
    assert "hush" not in str(caught.value.failure()) and "requests" in caught.value.details["pip"]
    request = specfiles.creation(found, "environment.yml", "/env", without_pip=True)
    assert request.specs == ("a",) and "requests" in request.notes[-1] and "hush" not in request.notes[-1]
    asked = specfiles.creation(read("dependencies: [a, pip: [requests, 'x>=1']]\n"), "environment.yml", "/env")
    assert (asked.specs, asked.pip) == (("a", "pip"), ("requests", "x>=1"))
    again = specfiles.creation(read("dependencies: [pip >=24, pip: [x]]\n"), "environment.yml", "/env")
    assert (again.specs, again.pip) == (("pip >=24",), ("x",))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("environment.yml", "dependencies:\n  - pip:\n    - x\n    - a @ file:///b.whl\n"),
        ("requirements.txt", "# mine\n\nx\na @ file:///b.whl\n"),
    ],
)
def test_a_requirement_that_is_refused_is_named_with_its_line(name: str, text: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{name}, line 4, for pip: 'a @ file:///b.whl'") as caught:
        specfiles.creation(read(text, name), name, "/env")
    assert caught.value.details["line"] == 4


def test_channels_given_besides_go_first() -> None:
    found = read("channels: [a, b]\ndependencies: [x]\n")
    assert specfiles.creation(found, "environment.yml", "/env", ("b", "c")).channels == ("b", "c", "a")
    listed = read(f"@EXPLICIT\n{URL}#{MD5}\n", "list.txt")
    with pytest.raises(InvalidRequest, match="no other channels"):
        specfiles.creation(listed, "list.txt", "/env", ("b",))


# --- plain lists ---


def test_requirements_of_pip() -> None:
    text = "# mine\nrequests[socks]>=2 ; python_version>'3'  # why\nnumpy==1.26.4 \\\n    --hash=sha256:abc\nx @ https://h/x.whl\n"
    found = read(text, "requirements.txt")
    assert found.specs == ("python", "pip")
    assert found.pip == ("requests[socks]>=2 ; python_version>'3'", "numpy==1.26.4", "x @ https://h/x.whl")


def test_what_conda_list_exports() -> None:
    text = "# platform: osx-64\nattrs=23.1.0=pypi_0\nnumpy=1.26.4=py311h64a7726_0\nconda-forge::zlib\n"
    found = read(text, "packages.txt")
    assert found.specs == ("numpy=1.26.4=py311h64a7726_0", "conda-forge::zlib")
    assert (found.pip, found.platforms) == (("attrs==23.1.0",), ("osx-64",))
    assert "written on osx-64; this is linux-64" in found.warnings[0]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("# nothing\n\n", 0, "nothing in it"),
        ("a\n-r other.txt\n", 2, "-r points elsewhere"),
        ("hello world\n", 1, "'hello world' is no requirement"),
        ("a\n-e ./here\n", 2, "-e points elsewhere"),
        ("--extra-index-url https://h\na\n", 1, "--extra-index-url points elsewhere"),
        ("a\n\n./wheels/b.whl\n", 3, "no requirement"),
        ("git+https://host/x\n", 1, "no requirement"),
        ("a=1\nb c::=\n=3\n", 3, "not a package request"),
        ("a=1\nb=>1\n", 2, "'b=>1' is not a package request"),
        ("a=1=0\nhttps://me:hush@h/c::b\n", 2, "not a package request"),
        ("This is a text about other things.\n", 0, "no file that an environment"),
    ],
)
def test_a_list_that_is_refused(text: str, line: int, told: str) -> None:
    error = refused(text, "requirements.txt")
    assert told in error.message and "hush" not in error.message
    assert error.details.get("line", 0) == line


# --- manifests of pixi ---

PIXI = """
[workspace]
name = "geo"
channels = ["conda-forge", {channel = "https://host/ours", priority = 1}]
platforms = ["linux-64", "win-64"]

[dependencies]
python = ">=3.11,<3.13"
numpy = "*"
cuda = {version = "12.*", build = "h*_0", channel = "nvidia"}
[pypi-dependencies]
requests = ">=2"
flask = {version = "*", extras = ["async"]}
geo = {path = ".", editable = true}
[target.linux.dependencies]
here = "1.2"
[target.win-64.dependencies]
there = "*"
[feature.test.dependencies]
pytest = "*"
[feature.more.dependencies]
more = "*"
[activation.env]
MODE = "dry"
[environments]
default = ["more"]
test = ["test"]
"""


def test_pixi_toml() -> None:
    found = read(PIXI, "pixi.toml")
    assert found == SpecFile(
        format="pixi",
        name="geo",
        channels=("https://host/ours", "conda-forge"),
        spec_lines=found.spec_lines,
        channel_lines=found.channel_lines,
        platforms=("linux-64", "win-64"),
        specs=("python >=3.11,<3.13", "numpy", "nvidia::cuda 12.*[build='h*_0']", "here 1.2", "more"),
        pip=("requests>=2", "flask[async]"),
        pip_lines={"requests>=2": 12, "flask[async]": 13},
        variables={"MODE": "dry"},
        environments=("default", "test"),
        warnings=(
            "pixi.toml, line 14: geo is left out, it is the project itself",
            "pixi.toml: the environment default is taken; left out: test",
        ),
    )


SEVERAL = """
[workspace]
channels = ["conda-forge"]
[dependencies]
numpy = ">=1"
[feature.old.dependencies]
numpy = "<2"
[feature.gpu]
channels = ["nvidia", {channel = "first", priority = 2}]
[feature.gpu.pypi-dependencies]
torch = "*"
[feature.gpu.target.win-64.dependencies]
there = "*"
[feature.gpu.activation.env]
MODE = "gpu"
[environments]
gpu = ["gpu", "old"]
bare = {features = ["old"], no-default-feature = true}
"""


@pytest.mark.parametrize(
    ("environment", "specs", "channels"),
    [
        ("", ("numpy >=1",), ("conda-forge",)),
        ("default", ("numpy >=1",), ("conda-forge",)),
        ("gpu", ("numpy >=1", "numpy <2"), ("first", "nvidia", "conda-forge")),
        ("bare", ("numpy <2",), ("conda-forge",)),
    ],
)
def test_one_environment_of_a_manifest(environment: str, specs: tuple[str, ...], channels: tuple[str, ...]) -> None:
    found = specfiles.read("pixi.toml", SEVERAL, "linux-64", environment)
    assert (found.specs, found.channels) == (specs, channels)
    assert (found.pip, found.variables) == ((("torch",), {"MODE": "gpu"}) if environment == "gpu" else ((), {}))
    assert len(found.warnings) == (environment == "")


def test_features_that_stand_elsewhere_in_a_pyproject() -> None:
    text = "[project]\nname = 'x'\ndependencies = ['rich']\noptional-dependencies = {web = ['httpx']}\n"
    text += "[dependency-groups]\ntest = ['pytest', {include-group = 'web'}]\n[tool.pixi.workspace]\nchannels = ['a']\n"
    text += "[tool.pixi.environments]\nall = ['web', 'test']\nbare = {features = ['web'], no-default-feature = true}\n"
    assert specfiles.read("pyproject.toml", text, environment="all").pip == ("rich", "httpx", "pytest")
    assert specfiles.read("pyproject.toml", text, environment="bare").pip == ("httpx",)


def test_an_environment_that_is_not_there() -> None:
    with pytest.raises(InvalidRequest, match=r"no environment 'gpus' among default, bare, gpu\."):
        specfiles.read("pixi.toml", SEVERAL, environment="gpus")
    for name, text in (("environment.yml", "dependencies: [a]"), ("a.txt", "a=1"), ("b.json", '{"version": 1}')):
        with pytest.raises(InvalidRequest, match=f"{name}: It is of one environment"):
            specfiles.read(name, text, environment="default")


def test_environments_that_can_be_chosen() -> None:
    assert read(SEVERAL, "pixi.toml").environments == ("default", "bare", "gpu")
    assert read(WORKSPACE, "pixi.toml").environments == ()


def test_a_notebook_that_is_too_large_is_told_what_makes_it_so() -> None:
    for name, hint in (("book.ipynb", "Clear its outputs, and save it."), ("a.yml", "Is it the right file?")):
        with pytest.raises(InvalidRequest, match="larger than 20 MB") as caught:
            specfiles.read(name, b" " * (specfiles.MOST_BYTES + 1))
        assert caught.value.hint == hint


def test_pyproject_toml() -> None:
    text = "[project]\nname = 'geo'\nrequires-python = '>=3.11, <4'\ndependencies = ['rich>=13']\n"
    text += (
        "[tool.pixi.workspace]\nchannels = ['conda-forge']\nplatforms = []\n[tool.pixi.dependencies]\nnumpy = '2.*'\n"
    )
    found = read(text, "pyproject.toml")
    assert (found.name, found.specs, found.pip) == ("geo", ("python >=3.11,<4", "numpy 2.*"), ("rich>=13",))


WORKSPACE = "[workspace]\nchannels = []\n"


@pytest.mark.parametrize(
    ("text", "line", "word", "meant"),
    [
        (f"{WORKSPACE}[dependecies]\na = '*'\n", 3, "dependecies", "dependencies"),
        (f"{WORKSPACE}[dependencies]\nb = '*'\n[dependecies]\na = '*'\n", 5, "dependecies", "dependencies"),
        ("[workspace]\nchanels = []\n", 2, "chanels", "channels"),
        ("[workspce]\nchannels = []\n", 1, "workspce", "workspace"),
        (f"{WORKSPACE}exclude_newer = '2024-01-01'\n", 3, "exclude_newer", "exclude-newer"),
        (f"{WORKSPACE}[dependencies]\nb = '*'\na = {{verison = '1.0'}}\n", 5, "verison", "version"),
        (f"{WORKSPACE}[dependencies.a]\nverison = '1.0'\n", 4, "verison", "version"),
        (f"{WORKSPACE}[target.linux-64.dependecies]\na = '*'\n", 3, "dependecies", "dependencies"),
        (f"{WORKSPACE}[feature.x.dependecies]\na = '*'\n", 3, "dependecies", "dependencies"),
        (f"{WORKSPACE}[pypi-dependencies]\na = {{idnex = 'https://h'}}\n", 4, "idnex", "index"),
        (f"{WORKSPACE}[pypi-options]\nindex_url = 'https://h'\n", 4, "index_url", "index-url"),
        (f"{WORKSPACE}[environments]\na = {{featurs = []}}\n", 4, "featurs", "features"),
    ],
)
def test_a_misspelt_key_of_a_manifest(text: str, line: int, word: str, meant: str) -> None:
    of_pyproject = re.sub(r"^\[", "[tool.pixi.", text, flags=re.MULTILINE)
    for name, written in (("pixi.toml", text), ("pyproject.toml", of_pyproject)):
        error = refused(written, name)
        assert f"no key `{word}`" in error.message and f"`{meant}`" in error.hint
        assert (error.details["line"], error.details["meant"]) == (line, {word: meant})


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("[frobnication]\na = 1\n", "line 3: `frobnication` means nothing"),
        ("[dependencies]\na = {version = '1', sha256 = '0'}\n", "line 4: `sha256` is left out"),
        ("[constraints]\na = '<2'\n", "line 3: `constraints` is left out"),
        ("pypi-exclude-newer = '2024-01-01'\n", "line 3: `pypi-exclude-newer` is left out"),
        ("[pypi-options.dependency-overrides]\na = '*'\n", "line 3: `dependency-overrides` is left out"),
        ("[exclude-newer]\na = '2024-01-01'\n", "line 3: what `exclude-newer` says of a alone is not applied"),
        (
            "exclude-newer = {cutoff = '7d', exemptions = {a = '1.0', b = '*', c = {version = '*', channel = 'd'}}}\n",
            "line 3: what `exclude-newer` says of a, c alone is not applied",
        ),
        (
            "[feature.x]\nchannel-priority = 'disabled'\n[feature.y]\nchannel-priority = 'strict'\n"
            "[environments]\ndefault = ['x', 'y']\n",
            "line 4: `channel-priority` is not applied, as the features have several",
        ),
        (
            "[system-requirements]\narchspec = 'x86_64_v3'\n[feature.x.system-requirements]\narchspec = 'x86_64_v4'\n"
            "[environments]\ndefault = ['x']\n",
            "line 4: no processor is declared, as several are asked for: x86_64_v4, x86_64_v3",
        ),
        (
            "platforms = ['linux-64', {name = 'gpu', platform = 'linux-64', cuda = '12'}]\n",
            "line 3: there are several machines of linux-64, and none of them is taken",
        ),
        ("platforms = ['osx-64', {name = 'gpu', platform = 'win-64'}]\n", "osx-64, win-64; this is linux-64"),
    ],
)
def test_what_of_a_manifest_changes_nothing_is_told(more: str, told: str) -> None:
    (warning,) = read(WORKSPACE + more, "pixi.toml").warnings
    assert told in warning


@pytest.mark.parametrize(
    ("more", "strategy"),
    [
        ("", Strategy()),
        ("exclude-newer = '2024-01-01'\n", Strategy(exclude_newer="2024-01-01")),
        ("exclude-newer = 2024-01-01\n", Strategy(exclude_newer="2024-01-01")),
        (
            "exclude-newer = '1h30m'\n[exclude-newer]\na = '0d'\nb = '2d'\n",
            Strategy(exclude_newer="1h30m", exclude_newer_except=("a",)),
        ),
        (
            "[workspace.exclude-newer]\ncutoff = '7d'\n[workspace.exclude-newer.exemptions]\na = '*'\n",
            Strategy(exclude_newer="7d", exclude_newer_except=("a",)),
        ),
        ("exclude-newer = {exemptions = {a = '*'}}\n", Strategy()),
        ("channel-priority = 'disabled'\n", Strategy(channel_priority="disabled")),
        ("solve-strategy = 'lowest'\n", Strategy(resolution="lowest")),
        (
            "solve-strategy = 'lowest'\n[feature.x]\nsolve-strategy = 'highest'\n"
            "[feature.y]\nsolve-strategy = 'lowest-direct'\n[environments]\ndefault = ['y', 'x']\n",
            Strategy(resolution="lowest-direct"),
        ),
        (
            "solve-strategy = 'lowest'\nchannel-priority = 'disabled'\n[system-requirements]\ncuda = '12'\n"
            "[feature.x]\n[environments]\ndefault = {features = ['x'], no-default-feature = true}\n",
            Strategy(),
        ),
        (
            "[system-requirements]\ncuda = '12.9'\nlibc = {family = 'glibc', version = '2.28'}\n"
            "macos = '13'\nlinux = '5.10'\n",
            Strategy(virtual_packages=("__cuda=12.9", "__glibc=2.28", "__linux=5.10")),
        ),
        (
            "[system-requirements]\nlibc = {family = 'musl', version = '1.2'}\n",
            Strategy(virtual_packages=("__musl=1.2",)),
        ),
        (
            "[system-requirements]\ncuda = '12.9'\n[feature.x.system-requirements]\ncuda = '12.10'\n"
            "archspec = 'x86_64_v3'\n[environments]\ndefault = ['x']\n",
            Strategy(virtual_packages=("__cuda=12.10", "__archspec=1=x86_64_v3")),
        ),
        (
            "platforms = ['osx-64', {platform = 'linux-64', cuda = '12', glibc = '2.31', __own = '1'}]\n",
            Strategy(virtual_packages=("__cuda=12", "__glibc=2.31", "__own=1")),
        ),
        (
            "platforms = [{name = ['gpu'], platform = 'linux-64'}]\n[feature.x]\nplatforms = ['gpu']\n"
            "[environments]\ndefault = ['x']\n",
            Strategy(),
        ),
        (
            "platforms = ['linux-64', {name = 'gpu', platform = 'linux-64', cuda = '12'}]\n[feature.x]\n"
            "platforms = ['gpu']\n[environments]\ndefault = ['x']\n",
            Strategy(virtual_packages=("__cuda=12",)),
        ),
    ],
)
def test_how_a_manifest_has_packages_chosen(more: str, strategy: Strategy) -> None:
    assert read(WORKSPACE + more, "pixi.toml").strategy == strategy


def test_what_features_that_are_left_out_say_is_not_followed() -> None:
    more = "[feature.x]\nsolve-strategy = 'lowest'\n[environments]\ny = ['x']\n"
    for environment, resolution in (("default", ""), ("y", "lowest")):
        found = specfiles.read("pixi.toml", WORKSPACE + more, environment=environment)
        assert (found.strategy.resolution, found.warnings) == (resolution, ())


SAID = (
    "channel-priority = 'disabled'\nsolve-strategy = 'lowest'\nexclude-newer = '2024-01-01'\n"
    "[exclude-newer]\na = '0d'\n[system-requirements]\ncuda = '12'\nlinux = '5.10'\n"
)


@pytest.mark.parametrize(
    ("given", "site", "made", "followed", "otherwise"),
    [
        (
            Strategy(),
            "",
            Strategy(
                channel_priority="disabled",
                resolution="lowest",
                exclude_newer="2024-01-01",
                exclude_newer_except=("a",),
                virtual_packages=("__cuda=12", "__linux=5.10"),
            ),
            "channel-priority = disabled; solve-strategy = lowest; exclude-newer = 2024-01-01; exceptions from it (a); "
            "a machine with __cuda=12; a machine with __linux=5.10",
            "",
        ),
        (
            Strategy(
                channel_priority="strict",
                resolution="highest",
                exclude_newer="2025-01-01",
                exclude_newer_except=("b",),
                virtual_packages=("__cuda=",),
            ),
            "",
            Strategy(
                channel_priority="strict",
                resolution="highest",
                exclude_newer="2025-01-01",
                exclude_newer_except=("b",),
                virtual_packages=("__cuda=", "__linux=5.10"),
            ),
            "a machine with __linux=5.10",
            "channel-priority = disabled; solve-strategy = lowest; exclude-newer = 2024-01-01; exceptions from it (a); "
            "a machine with __cuda=12",
        ),
        # A site's limit is made stricter by a file, and never less strict.
        (
            Strategy(channel_priority="disabled", resolution="lowest", virtual_packages=("__cuda=12", "__linux=5.10")),
            "2025-01-01",
            Strategy(
                channel_priority="disabled",
                resolution="lowest",
                exclude_newer="2024-01-01",
                virtual_packages=("__cuda=12", "__linux=5.10"),
            ),
            "channel-priority = disabled; solve-strategy = lowest; exclude-newer = 2024-01-01; "
            "a machine with __cuda=12; a machine with __linux=5.10",
            "exceptions from it (a)",
        ),
        (
            Strategy(channel_priority="disabled", resolution="lowest", virtual_packages=("__cuda=12", "__linux=5.10")),
            "2023-01-01",
            Strategy(channel_priority="disabled", resolution="lowest", virtual_packages=("__cuda=12", "__linux=5.10")),
            "channel-priority = disabled; solve-strategy = lowest; "
            "a machine with __cuda=12; a machine with __linux=5.10",
            "exclude-newer = 2024-01-01; exceptions from it (a)",
        ),
    ],
)
def test_what_a_person_says_counts_before_what_a_file_says(
    given: Strategy, site: str, made: Strategy, followed: str, otherwise: str
) -> None:
    found = read(WORKSPACE + SAID, "pixi.toml")
    request = specfiles.creation(found, "pixi.toml", "/env", strategy=given, site_cutoff=site)
    assert request.strategy == made
    told = (
        f"pixi.toml: packages are chosen as it says: {followed}",
        *([f"pixi.toml: not followed, as something else is asked for here: {otherwise}"] if otherwise else []),
    )
    assert request.notes == (*told, "pixi.toml asks for no packages")


def test_what_is_there_to_build_with_is_installed_as_well() -> None:
    more = "[dependencies]\na = '1'\nb = '1'\n[host-dependencies]\nb = '2'\n[build-dependencies]\nc = '*'\n"
    more += "[target.linux.build-dependencies]\nd = '*'\n"
    found = read(WORKSPACE + more, "pixi.toml")
    assert (found.specs, found.warnings) == (("a 1", "b 2", "c", "d"), ())


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("[pypi-dependencies]\na = {git = 'https://h/a', tag = 'v1'}\n", "line 4, for pip: 'a @ git+https://h/a@v1'"),
        ("[pypi-dependencies]\na = {git = 'ssh://h/a'}\n", "line 4, for pip: 'a @ git+ssh://h/a' is from no place"),
        ("[pypi-dependencies]\na = {path = './a'}\n", "line 4, for pip: 'a @ ./a' is from no place"),
        ("[pypi-dependencies]\na = {path = './a', editable = true}\n", "line 4, for pip: 'a @ ./a' is from no place"),
        ("[pypi-dependencies]\na = {version = '*', index = 'https://h'}\n", "an index of its own (a in line 4)"),
        ("[pypi-options]\nindex-url = 'https://h'\n[pypi-dependencies]\na = '*'\n", "(index-url in line 4)"),
        ("pypi-options.find-links = [{path = 'x'}]\n[pypi-dependencies]\na = '*'\n", "(find-links in line 3)"),
    ],
)
def test_what_a_manifest_has_for_pip_that_pip_is_not_asked_for(more: str, told: str) -> None:
    found = read(WORKSPACE + more, "pixi.toml")
    with pytest.raises(InvalidRequest, match=re.escape(told)):
        specfiles.creation(found, "pixi.toml", "/env")
    assert not specfiles.creation(found, "pixi.toml", "/env", without_pip=True).pip
    assert not specfiles.creation(read(f"{WORKSPACE}[pypi-options]\nindex-url = 'x'\n", "pixi.toml"), "p", "/env").pip


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("[workspace\n", 1, "not TOML"),
        ("a = " + "[" * 9_000, 0, "not TOML"),
        ("[project]\nname = 'x'\n", 0, "no manifest of pixi"),
        ("[workspace]\nchannels = ['https://me:hush@host/c']\n", 2, "holds a secret"),
        ("[workspace]\nchannels = ['./here']\n", 2, "seen from where the file lies"),
        ("[workspace]\nchannels = []\n[dependencies]\nx = {path = '.'}\n", 4, "built from source"),
        ("[workspace]\nchannels = []\n[dependencies]\nx = 3\n", 4, "not a package request"),
        ('[workspace]\nchannels = []\n[dependencies]\nx = "1\'2"\n', 4, "cannot be"),
        ("[workspace]\nchannels = []\n[dependencies]\nx = {url = 'https://h/x-1-0.conda'}\n", 4, "at an address"),
        ("[workspace]\nchannels = []\n[pypi-dependencies]\nx = '2'\n", 4, "'2' is no version of x for pip"),
        ("[workspace]\nchannels = []\n[pypi-dependencies]\nx = 3\n", 4, "no version of x for pip"),
        (f"{WORKSPACE}channel-priority = 'flexible'\n", 3, "`channel-priority = flexible` is not known"),
        (f"{WORKSPACE}solve-strategy = 'newest'\n", 3, "`solve-strategy = newest` is not known"),
        (f"{WORKSPACE}exclude-newer = '1M'\n", 3, "'1M' is no date, no time and no age"),
        (f"{WORKSPACE}exclude-newer = {{cutof = '7d'}}\n", 3, "`exclude-newer` has no key `cutof`"),
        (f"{WORKSPACE}[system-requirements]\ncuda = '>=12'\n", 4, "'>=12' is no version of `cuda`"),
        (f"{WORKSPACE}[system-requirements]\nlinx = '5'\n", 4, "`linx` is nothing that a machine has"),
    ],
)
def test_a_manifest_that_is_refused(text: str, line: int, told: str) -> None:
    error = refused(text, "pixi.toml")
    assert told in error.message and "hush" not in error.message
    if line:
        assert error.details["line"] == line
