"""Locks of other tools: what is locked for one platform, or why nothing can be taken from them."""

from __future__ import annotations

import pytest

from jupyter_condaenv.engine import specfiles
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.formats import locked
from jupyter_condaenv.engine.formats.source import Source
from jupyter_condaenv.engine.specfiles import SpecFile

MD5, SHA256 = "0123456789abcdef" * 2, "0123456789abcdef" * 4
CONDA_LOCK = f"""
version: 1
metadata:
  channels:
  - url: conda-forge
    used_env_vars: []
  - url: https://host/other/
  platforms: [linux-64, win-64]
package:
- name: a
  version: '1.0'
  manager: conda
  platform: linux-64
  dependencies: {{b: '>=1'}}
  url: https://conda.anaconda.org/conda-forge/linux-64/a-1.0-h1_0.conda
  hash: {{md5: {MD5}, sha256: {SHA256}}}
  category: main
  optional: false
- {{name: b, version: '2', manager: conda, platform: linux-64, category: dev, url: 'https://h/c/noarch/b-2-0.conda'}}
- {{name: c, version: '2', manager: pip, platform: linux-64, url: 'https://h/c.whl'}}
- {{name: a, version: '1.0', manager: conda, platform: win-64, url: 'https://h/c/win-64/a-1.0-0.tar.bz2'}}
"""
PIXI = f"""
version: 7
platforms:
- name: linux-64
- name: gpu
  subdir: linux-aarch64
environments:
  default:
    channels:
    - url: https://conda.anaconda.org/conda-forge/
    - url: https://host/other/
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/a-1.0-h1_0.conda
      - conda: https://host/third/noarch/b-2-0.conda
      - pypi: https://h/c.whl
      gpu:
      - conda: https://host/other/noarch/b-2-0.conda
  test:
    channels: []
    packages: {{}}
packages:
- conda: https://conda.anaconda.org/conda-forge/linux-64/a-1.0-h1_0.conda
  sha256: {SHA256}
  md5: {MD5}
- conda: https://host/third/noarch/b-2-0.conda
- pypi: https://h/c.whl
  name: c
  version: '2'
"""


def read(text: str, platform: str = "linux-64", name: str = "file.lock") -> SpecFile:
    found = specfiles.read(name, text)
    assert found.foreign_lock is not None
    return locked.read(Source(name, found.foreign_lock.text), platform)


def packages(found: SpecFile) -> dict[str, tuple[str, str, str]]:
    assert found.lock is not None
    assert all(package.partial for package in found.lock.packages)
    return {package.name: (package.url, package.md5, package.sha256) for package in found.lock.packages}


def test_one_environment_of_several() -> None:
    packed = "packages: {linux-64: [{conda: https://host/third/noarch/b-2-0.conda}]}"
    source = Source("pixi.lock", PIXI.replace("packages: {}", packed))
    assert set(packages(locked.read(source, "linux-64", "test"))) == {"b"}
    assert not any("left out" in text for text in locked.read(source, "linux-64", "test").warnings)
    assert set(packages(locked.read(source, "linux-64", "default"))) == {"a", "b"}
    with pytest.raises(InvalidRequest, match=r"no environment 'tests' among default, test\."):
        locked.read(source, "linux-64", "tests")
    with pytest.raises(InvalidRequest, match="It is of one environment"):
        locked.read(Source("conda-lock.yml", CONDA_LOCK), "linux-64", "test")


def test_the_chosen_environment_comes_as_far_as_the_job() -> None:
    found = specfiles.read("pixi.lock", PIXI, environment="test")
    made = specfiles.creation(found, "pixi.lock", "/envs/x")
    assert made.foreign_lock is not None and made.foreign_lock.environment == "test"
    with pytest.raises(InvalidRequest, match="among default, test"):
        specfiles.with_lock(specfiles.creation(specfiles.read("p", PIXI, environment="no"), "p", "/e/x"), "linux-64")


def test_what_pip_has_no_file_of_is_refused_with_its_line() -> None:
    git = f"git+https://host/c.git@{SHA256[:40]}"
    for name, text, line in (
        ("conda-lock.yml", CONDA_LOCK.replace("https://h/c.whl", git), 20),
        ("pixi.lock", PIXI.replace("https://h/c.whl", git), 16),
    ):
        request = specfiles.creation(specfiles.read(name, text), name, "/envs/x")
        with pytest.raises(InvalidRequest) as caught:
            specfiles.with_lock(request, "linux-64")
        assert caught.value.message.startswith(f"{name}, line {line}, for pip: 'git+https://host/c.git")
        assert caught.value.hint.startswith("Publish a wheel of it and lock again; or leave it out")
        assert caught.value.details["line"] == line


def test_conda_lock() -> None:
    found = read(CONDA_LOCK)
    url = "https://conda.anaconda.org/conda-forge/linux-64/a-1.0-h1_0.conda"
    assert packages(found) == {"a": (url, MD5, SHA256)}
    assert found.lock is not None and found.lock.platform == "linux-64"
    assert found.lock.channels == ("https://conda.anaconda.org/conda-forge", "https://host/other")
    assert (found.pip, found.platforms) == (("c==2",), ("linux-64", "win-64"))
    assert "left out: 1 of dev" in found.warnings[0]
    windows = read(CONDA_LOCK, "win-64")
    assert packages(windows) == {"a": ("https://h/c/win-64/a-1.0-0.tar.bz2", "", "")}
    assert "no hash" in windows.warnings[0]


def test_pixi_lock() -> None:
    found = read(PIXI)
    assert packages(found) == {
        "a": ("https://conda.anaconda.org/conda-forge/linux-64/a-1.0-h1_0.conda", MD5, SHA256),
        "b": ("https://host/third/noarch/b-2-0.conda", "", ""),
    }
    assert found.lock is not None
    assert found.lock.channels == ("https://conda.anaconda.org/conda-forge", "https://host/other", "https://host/third")
    assert (found.pip, found.platforms) == (("c==2",), ("linux-64", "linux-aarch64"))
    assert "left out: test" in found.warnings[0] and "no hash for 1" in found.warnings[1]
    assert set(packages(read(PIXI, "linux-aarch64"))) == {"b"}


@pytest.mark.parametrize("version", ["4", "5", "6", "'7'", "1"])
def test_versions_of_pixi_lock(version: str) -> None:
    assert packages(read(PIXI.replace("version: 7", f"version: {version}", 1)))


@pytest.mark.parametrize("text", [CONDA_LOCK, PIXI])
def test_what_is_not_locked_for_a_platform_is_said(text: str) -> None:
    with pytest.raises(InvalidRequest, match="nothing for osx-arm64, only for linux-64"):
        read(text, "osx-arm64")


@pytest.mark.parametrize(
    ("text", "old", "new", "line", "told"),
    [
        (CONDA_LOCK, "version: 1\n", "version: 2\n", 2, "of version 2; 1 can be read"),
        (CONDA_LOCK, "  manager: conda\n", "", 10, "no `manager`"),
        (CONDA_LOCK, "  manager: conda\n", "  manager: npm\n", 12, "npm installs no packages"),
        (CONDA_LOCK, "  version: '1.0'\n", "  version: '1.1'\n", 10, "lies at the URL of a 1.0"),
        (CONDA_LOCK, "linux-64/a-1.0-h1_0", "win-64/a-1.0-h1_0", 15, "is not for linux-64"),
        (CONDA_LOCK, f"md5: {MD5}", "md5: abc", 16, "'abc' is no md5"),
        (CONDA_LOCK, f"sha256: {SHA256}", f"sha256: {MD5}", 16, "is no sha256"),
        (CONDA_LOCK, "url: 'https://h/c.whl'", "url: 'https://h/c.whl', hash: {sha256: abc}", 20, "'abc' is no sha256"),
        (PIXI, f"md5: {MD5}", f"md5: {'g' * 32}", 25, "is no md5"),
        (PIXI, "  name: c\n", "  name: c\n  sha256: abc\n", 29, "'abc' is no sha256"),
        (CONDA_LOCK, "h1_0.conda", "h1_0.zip", 15, "not the URL of a package"),
        (CONDA_LOCK, "package:\n", "package:\n- text\n", 10, "not a mapping"),
        (PIXI, "version: 7", "version: 8", 2, "version 8; 4, 5, 6 and 7 can be read"),
        (PIXI, "version: 7", "version: 3", 2, "version 3; 4, 5, 6 and 7 can be read"),
        (PIXI, "  default:\n", "  other:\n", 8, "no environment 'default' among other, test"),
        (PIXI, "- conda: https://host/third/noarch", "- conda: ../here/noarch", 15, "built from source"),
        (PIXI, "- conda: https://host/third", "- conda_source: https://host/third", 15, "built from source"),
        (PIXI, "      gpu:\n", "      linux-64:\n", 17, "a second time"),
        (PIXI, "third/noarch/b-2", "third/noarch/a-2", 15, "a stands there twice"),
        (PIXI, "linux-aarch64", "linux-64", 0, ""),
    ],
)
def test_a_lock_that_is_refused(text: str, old: str, new: str, line: int, told: str) -> None:
    assert old in text
    if not told:
        assert packages(read(text.replace(old, new)))  # of two sets the one with the platform's own name
        return
    with pytest.raises(InvalidRequest) as caught:
        read(text.replace(old, new, 1))
    assert told in caught.value.message
    assert caught.value.details["line"] == line


def test_what_a_machine_cannot_be_told_to_have_is_left_out_and_told() -> None:
    text = PIXI.replace(
        "- name: linux-64\n", "- name: linux-64\n  virtual-packages: [__glibc=2.28, __cuda=1!!2, __libc >=3]\n"
    )
    found = read(text)
    assert found.lock is not None and found.lock.virtual_packages == ("__glibc=2.28=0",)
    assert any("__cuda=1!!2" in text for text in found.warnings) and any(
        "__libc >=3" in text for text in found.warnings
    )


def test_two_sets_of_packages_for_a_platform() -> None:
    text = PIXI.replace("name: linux-64", "name: cpu\n  subdir: linux-64").replace("linux-aarch64", "linux-64")
    text = text.replace("      linux-64:\n", "      cpu:\n")
    with pytest.raises(InvalidRequest, match="several sets of packages for linux-64: cpu, gpu"):
        read(text)


@pytest.mark.parametrize("secret", ["https://me:hush@host", "https://host/t/hush"])
@pytest.mark.parametrize("text", [CONDA_LOCK, PIXI])
def test_a_secret_stays_out_of_the_job(text: str, secret: str) -> None:
    with pytest.raises(InvalidRequest, match="token or a password") as caught:
        specfiles.read("x.lock", text.replace("https://h/", f"{secret}/"))
    assert "hush" not in str(caught.value.failure()) and caught.value.details["line"]


def test_a_git_user_is_no_secret() -> None:
    assert packages(read(PIXI.replace("https://h/c.whl", "git+ssh://git@host/c")))


def test_yaml_written_as_json_is_told_from_a_lock_of_ours() -> None:
    text = '{\n "version": 1,\n "metadata": {},\n "package": [{"name": "a", "version": "1", "manager": "conda",\n'
    text += '"platform": "linux-64", "url": "https://h/c/noarch/a-1-0.conda"}]}'
    assert packages(read(text))
