"""The only import of py-rattler-build: the packages of one recipe, built into a folder.

It is run as a process of its own (``build``), because it holds the interpreter's lock for as long as it builds. Its
standard input is an object, its standard output lines, each an object with one key: ``log`` (a line and what it is
about), and at the end ``built`` or ``failed``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rattler_build import RenderedVariant


class _There(Exception):
    """The channel has such a package already."""


class _Listener:
    """py-rattler-build calls it; it wants every method to be there."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def tell(self, **told: Any) -> None:
        self._out.write(json.dumps(told) + "\n")
        self._out.flush()

    def on_log(self, event: Any) -> None:
        self.tell(log=[event.message.rstrip(), event.span or ""])

    def on_build_step(self, event: Any) -> None:
        self.tell(log=[event.message, event.step_name])

    def on_download_start(self, event: Any) -> None:
        self.tell(log=[f"Downloading {event.url}", "Downloading"])

    def on_download_progress(self, event: Any) -> None:
        """A sign of life is enough."""

    def on_download_complete(self, event: Any) -> None:
        """The next thing says so."""


def main() -> None:
    """Do what standard input says."""
    told = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anything else prints is for the log of the job
    sys.path += told["path"]
    listener = _Listener(out)
    stage = "recipe"
    try:
        variants = _variants(Path(told["recipe"]), told["platform"])
        stage = "requirements"
        _check(variants, told)
        stage = "build"
        listener.tell(built=_build(variants, told, listener))
    except Exception as error:
        kind = "there" if isinstance(error, _There) else stage
        failed: dict[str, Any] = {"kind": kind, "text": str(error), "requirements": []}
        if stage == "build" and "resolve dependencies" in str(error):
            failed |= {"kind": "unresolved", "requirements": _requirements(variants)}
        listener.tell(failed=failed)
    # As everything with this runtime in it (PyO3/pyo3-async-runtimes#40).
    os._exit(0)


def _variants(recipe: Path, platform: str) -> list[RenderedVariant]:
    """What is to be built of ``recipe``: a package for each of its outputs and variants."""
    from rattler_build import PlatformConfig, RenderConfig, Stage0Recipe, VariantConfig

    beside = recipe.with_name("variants.yaml")
    variants = VariantConfig.from_file(beside) if beside.exists() else VariantConfig()
    config = RenderConfig(platform=PlatformConfig(target_platform=platform))
    rendered: list[RenderedVariant] = Stage0Recipe.from_file(recipe).render(variants, config)
    return rendered


def _check(variants: list[RenderedVariant], told: dict[str, Any]) -> None:
    """Before minutes are spent: packages stay what they are, and without a network nothing is fetched."""
    for variant in variants:
        rendered = variant.recipe.to_dict()
        stem = f"{rendered['package']['name']}-{rendered['package']['version']}-{rendered['build']['string']}"
        if stem in told["there"]:
            raise _There(stem)
        for source in rendered.get("source", ()) if told["offline"] else ():
            place = source.get("url") or source.get("git")
            if place:
                raise ConnectionError(f"{place} has to be fetched")


def _build(variants: list[RenderedVariant], told: dict[str, Any], listener: _Listener) -> list[dict[str, str]]:
    from rattler_build import ToolConfiguration

    tools = ToolConfiguration(
        test_strategy="native",
        channel_priority=told["priority"],
        allow_insecure_host=told["insecure"] or None,
    )
    built = []
    for variant in variants:
        result = variant.run_build(
            tool_config=tools,
            output_dir=told["output"],
            channels=told["channels"],
            progress_callback=listener,
            no_include_recipe=True,  # with it come all files beside the recipe, and paths of this machine
        )
        built += [
            {"name": result.name, "version": result.version, "build": result.build_string, "path": str(path)}
            for path in result.packages
        ]
    return built


def _requirements(variants: list[RenderedVariant]) -> list[list[str]]:
    """Of each environment that was needed."""
    groups = [variant.recipe.requirements.to_dict() for variant in variants]
    return [
        specs
        for group in groups
        for kind in ("build", "host", "run")
        if (specs := [spec for spec in group.get(kind, ()) if isinstance(spec, str)])
    ]


if __name__ == "__main__":
    main()
