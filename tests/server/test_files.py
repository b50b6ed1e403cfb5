"""What a file would be taken for, asked over REST."""

from __future__ import annotations

import pytest

from .house import Client

NOTEBOOK = """{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "outputs": [],
"source": ["%conda install -c a numpy\\n", "%pip install requests"]}]}"""
YAML = "name: geo\nchannels: [conda-forge]\ndependencies: [python, numpy, pip, {pip: [requests]}]\n"


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        (
            "environment.yml",
            YAML,
            {"format": "environment.yml", "name": "geo", "channels": ["conda-forge"], "packages": 3, "pip": 1},
        ),
        ("requirements.txt", "requests >=2\nnumpy\n", {"format": "requirements.txt", "name": "", "pip": 2}),
        ("list.txt", "numpy=1.20\n", {"format": "conda list", "packages": 1, "pip": 0}),
        ("book.ipynb", NOTEBOOK, {"format": "notebook", "name": "", "channels": ["a"], "packages": 3, "pip": 1}),
    ],
)
def test_what_a_file_is_taken_for(client: Client, name: str, text: str, read: dict[str, object]) -> None:
    told = client.call("POST", "files", {"name": name, "text": text}).body
    assert {key: told[key] for key in read} == read


def test_one_environment_of_several(client: Client) -> None:
    text = "[workspace]\nchannels = ['a']\n[feature.t.dependencies]\npytest = '*'\n[environments]\ntest = ['t']\n"
    told = client.call("POST", "files", {"name": "pixi.toml", "text": text, "environment": "test"}).body
    assert (told["packages"], told["notes"], told["environments"]) == (1, [], ["default", "test"])
    answer = client.call("POST", "files", {"name": "pixi.toml", "text": text, "environment": "tests"})
    assert answer.status == 400 and "among default, test" in answer.body["message"]


def test_how_a_manifest_has_packages_chosen_is_told(client: Client) -> None:
    text = "[workspace]\nchannels = ['a']\nchannel-priority = 'disabled'\n"
    (told,) = client.call("POST", "files", {"name": "pixi.toml", "text": text}).body["notes"]
    assert told.endswith("chosen as it says: channel-priority = disabled")


def test_a_lock_of_another_tool_is_not_read_at_once(client: Client) -> None:
    lock = "version: 1\nmetadata:\n  platforms: [linux-64]\npackage: []\n"
    told = client.call("POST", "files", {"name": "conda-lock.yml", "text": lock}).body
    assert (told["format"], told["packages"]) == ("lock", None)


def test_prose_is_nothing_that_an_environment_can_be_made_of(client: Client) -> None:
    answer = client.call("POST", "files", {"name": "notes.txt", "text": "hello world\n"})
    assert answer.status == 400
    assert "hello world" in answer.body["message"]
