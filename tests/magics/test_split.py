"""From a line to words."""

from __future__ import annotations

import pytest

from jupyter_condaenv.magics.condaenv import for_pip, split
from jupyter_condaenv.magics.operation import CondaEnvError


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("   ", []),
        ("# nothing", []),
        ("install numpy", ["install", "numpy"]),
        ("  install\tnumpy   pandas  ", ["install", "numpy", "pandas"]),
        ("install numpy>=1.20,<3 pandas!=2", ["install", "numpy>=1.20,<3", "pandas!=2"]),
        ("install \"numpy >=1.20, <3\" 'pandas >2'", ["install", "numpy >=1.20, <3", "pandas >2"]),
        ('install numpy">=1.20"', ["install", "numpy>=1.20"]),
        ("install a|b&c;d $HOME `x` *.conda ~", ["install", "a|b&c;d", "$HOME", "`x`", "*.conda", "~"]),
        ("install numpy # as in the paper's code", ["install", "numpy"]),
        ("install numpy#1 pandas", ["install", "numpy#1", "pandas"]),
        ("install '#1'", ["install", "#1"]),
        ("install https://a.org/x-1-0.conda#0123", ["install", "https://a.org/x-1-0.conda#0123"]),
        (
            "install scipy[version='>=1.9, <2', build=\"py*\"] x",
            ["install", "scipy[version='>=1.9, <2', build=\"py*\"]", "x"],
        ),
        ("install 'scipy[version=\">=1.9\"]'", ["install", 'scipy[version=">=1.9"]']),
        ("install a[b", ["install", "a[b"]),
        ("install back\\slash", ["install", "back\\slash"]),
        ("install ''", ["install", ""]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert split(line) == words


@pytest.mark.parametrize("line", ['install "numpy', "install numpy' pandas", "install a'b\"c"])
def test_a_quote_that_is_not_closed(line: str) -> None:
    with pytest.raises(CondaEnvError, match="not closed"):
        split(line)


def test_what_follows_pip_is_for_pip() -> None:
    words = split("install numpy --pip rich 'httpx >=0.27' --now")
    assert for_pip(words[1:]) == ["numpy", "--pip=rich", "--pip=httpx >=0.27", "--now"]
    assert for_pip(["a", "b"]) == ["a", "b"]
