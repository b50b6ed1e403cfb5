"""The one configuration that every face reads: where things are, and what applies when a request is silent.

It is set like any of Jupyter's, in ``jupyter_config.py``, ``jupyter_condaenv_config.py`` or their ``.json`` forms, in
any directory that ``jupyter --paths`` lists under "config"::

    c.CondaEnv.channels = ["conda-forge", "https://conda.example.org/ours"]
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from jupyter_core.paths import jupyter_config_path, jupyter_data_dir
from traitlets import Bool, Enum, Float, Integer, List, TraitType, Unicode
from traitlets.config import Application, Config, Configurable
from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, LazyConfigValue, PyFileConfigLoader

from .engine import condarc, places
from .engine.environments import can_write
from .engine.errors import CondaEnvError, InvalidRequest
from .engine.model import ChannelPriority, LibraryPath, Settings
from .engine.paths import absolute
from .jobs.records import without_secrets

CONFIG_FILES = ("jupyter_config", "jupyter_condaenv_config")
"""Base names of the files that are read; what a later one says wins."""
GIGABYTE = 1_000_000_000
CONDA_ALIAS = "https://conda.anaconda.org"


class CondaEnv(Configurable):
    """Conda environments as Jupyter kernels."""

    envs_dirs = List(
        Unicode(),
        help="""
        Directories in which environments are found by name. A new environment goes to the first that can be written.
        Empty: the `envs_dirs` of `.condarc`, then `envs` in `data_dir`.
        """,
    ).tag(config=True)
    find = List(
        Unicode(),
        ["~/*", "~/*/envs/*", "~/.conda/envs/*", "~/*/.pixi/envs/*", "/opt/*/envs/*"],
        help="""
        Where else environments are found: paths with `*`, `?` and `[...]` for names, each for one folder, such as
        `/data/projects/*/.pixi/envs/*`. They are looked for in the background, and what is found becomes a kernel, so
        name places only where those can write whom you trust. What conda and mamba have made is found by their notes
        (`~/.conda/environments.txt`) in any case. Empty: nowhere else.
        """,
    ).tag(config=True)
    find_every = Float(
        600.0,
        min=0.0,
        help="""
        Seconds after which a server looks again which environments there are, the first time a while after it was
        started. 0: only when it is told to.
        """,
    ).tag(config=True)
    find_kernels = Bool(
        True,
        help="""
        Whether environments that other programs have made are among the kernels once they are found. A kernel that you
        have removed stays removed until its environment changes.
        """,
    ).tag(config=True)
    cache_dir = Unicode(
        help="""
        Directory of downloaded and unpacked packages, channel indexes and compiled bytecode. It should lie on the
        file system of the environments, because packages are hard-linked from it; elsewhere they are copied.
        Empty: `jupyter-condaenv` in the first of the `pkgs_dirs` of `.condarc` that can be written, then in the user's
        cache directory ($XDG_CACHE_HOME, else `~/.cache`).
        """,
    ).tag(config=True)
    data_dir = Unicode(
        help="""
        Directory of jobs, of what activation scripts set, and of what kernels are launched with. One user's.
        Empty: `condaenv` in Jupyter's data directory.
        """,
    ).tag(config=True)
    kernels_dir = Unicode(
        help="""
        Directory to which kernelspecs are written; it should be one that `jupyter kernelspec list` looks in.
        Empty: `kernels` in Jupyter's data directory.
        """,
    ).tag(config=True)
    channels = List(
        Unicode(),
        help="""
        Names or URLs of channels to take packages from, in order of priority, where a request names none.
        Empty: the `channels` of `.condarc`, then conda-forge.
        """,
    ).tag(config=True)
    offline = Bool(
        False,
        help="""
        Whether to do without a network: with what is in the cache, however old it is, and with channels that are
        directories. What is missing is named. Also by `offline` in `.condarc`, or CONDA_OFFLINE=1.
        """,
    ).tag(config=True)
    channel_alias = Unicode(
        help=f"""
        URL that is put before the plain name of a channel.
        Empty: the `channel_alias` of `.condarc`, then {CONDA_ALIAS}.
        """,
    ).tag(config=True)
    channel_priority = Enum(
        ["", *get_args(ChannelPriority)],
        "",
        help="""
        `strict`: a package is taken only from the first channel that has one of its name. `flexible`: a later channel
        is used where the first cannot fulfil the request. `disabled`: the highest version, wherever it is.
        Empty: the `channel_priority` of `.condarc`, then strict.
        """,
    ).tag(config=True)
    exclude_newer = Unicode(
        help="""
        Leave out what its channel has had for less long, so that a bad release is found by others first: an age such
        as `7 days`, or a date. What is installed may stay. Packages that do not say when they came are left out too.
        A request can say otherwise. Empty: nothing is left out.
        """,
    ).tag(config=True)
    exclude_newer_except = List(
        Unicode(),
        help="""
        Names of packages that may be newer than `exclude_newer` all the same, such as your own. Empty: none.
        """,
    ).tag(config=True)
    library_path = Enum(
        get_args(LibraryPath),
        "off",
        help="""
        What becomes of LD_LIBRARY_PATH in kernels that have no choice of their own. `off`: it is as the server and the
        activation scripts have it; conda's packages find their libraries without it. `prefix`: the environment's `lib`
        comes first, as some clusters need; programs of the system that a cell runs then load from there as well.
        `clean`: what the server had is taken away, as is right where a module system sets it for other programs.
        """,
    ).tag(config=True)
    host = Unicode(
        help="""
        What this host is called where several share a home. Two that cannot see each other's processes must differ,
        or one takes the other's jobs for dead: name them where containers all have one host name.
        Empty: as the system says.
        """,
    ).tag(config=True)
    quota = Float(
        0.0,
        min=0.0,
        help="""
        Gigabytes (1,000,000,000 bytes) on disk that a user's environments and package cache may take together, each
        file counted once. A change that would surely go beyond is refused before anything is written; to know that,
        every file is looked at before each change. 0: no quota.
        """,
    ).tag(config=True)
    reserve = Float(
        0.1,
        min=0.0,
        help="""
        Gigabytes (1,000,000,000 bytes) that a change leaves free on the file systems of environments and package
        cache, so that notebooks can still be saved. A change that would surely take more is refused before anything is
        written.
        """,
    ).tag(config=True)
    uv = Bool(
        True,
        help="""
        Whether uv, where it is there, installs what is asked of pip, as it is much faster. It does not read pip's
        configuration: where an index is named in pip.conf, name it in uv.toml too, or choose False. In overlays it is
        pip in any case.
        """,
    ).tag(config=True)
    pool_size = Integer(
        0,
        min=0,
        help="""
        How many kernels of an environment wait for the next notebook of Jupyter's server, with Python and ipykernel
        loaded, so that it has its kernel in a tenth of a second. They are started after a kernel of the environment
        was, never with the server. Each takes about 50 megabytes. 0: none, and nothing of this is loaded.
        """,
    ).tag(config=True)
    pool_memory = Float(
        0.5,
        min=0.0,
        help="""
        Gigabytes (1,000,000,000 bytes) of memory that all kernels that wait may take together. Those that were not
        needed for longest are ended first.
        """,
    ).tag(config=True)
    pool_idle = Float(
        1800.0,
        min=1.0,
        help="""
        Seconds after the last start of a kernel of the same environment after which kernels that wait are ended.
        """,
    ).tag(config=True)
    solve_timeout = Float(120.0, min=1.0, help="Seconds after which the search for fitting packages is given up.").tag(
        config=True
    )
    stall_timeout = Float(
        120.0,
        min=1.0,
        help="""
        Seconds without any sign of progress after which an operation is ended. Where `remote_read_timeout_secs` of
        `.condarc` is longer, it is that.
        """,
    ).tag(config=True)

    def settings(self) -> Settings:
        """What the engine is told. Reads ``.condarc`` for what no trait says."""
        files = condarc.read()
        data_dir = absolute(self.data_dir or f"{jupyter_data_dir()}/condaenv")
        return Settings(
            envs_dirs=tuple(map(absolute, self.envs_dirs)) or (*files.envs_dirs, f"{data_dir}/envs"),
            find=tuple(map(places.pattern, self.find)),
            find_every=self.find_every,
            find_kernels=self.find_kernels,
            cache_dir=absolute(self.cache_dir or f"{_caches(files.pkgs_dirs)}/jupyter-condaenv"),
            data_dir=data_dir,
            kernels_dir=absolute(self.kernels_dir or f"{jupyter_data_dir()}/kernels"),
            channels=tuple(self.channels) or files.channels or ("conda-forge",),
            channels_chosen=bool(self.channels),
            offline=self.offline or files.offline,
            channel_alias=self.channel_alias or files.channel_alias or CONDA_ALIAS,
            channel_priority=self.channel_priority or files.channel_priority or "strict",
            exclude_newer=self.exclude_newer,
            exclude_newer_except=tuple(self.exclude_newer_except),
            uv=self.uv,
            solve_timeout=self.solve_timeout,
            stall_timeout=max(self.stall_timeout, files.remote_read_timeout_secs),
            quota=round(self.quota * GIGABYTE),
            reserve=round(self.reserve * GIGABYTE),
            library_path=self.library_path,
            host=self.host,
        )


def _caches(pkgs_dirs: tuple[str, ...]) -> str:
    """Where caches lie: conda's may not be shared with it, but where there is room for one, there is for the other."""
    return next((place for place in pkgs_dirs if can_write(Path(place))), _user_cache_dir())


def _user_cache_dir() -> str:
    if sys.platform == "darwin":
        return "~/Library/Caches"
    return os.environ.get("XDG_CACHE_HOME") or "~/.cache"


class _Reader(Application):
    """Reads the files as every Jupyter program does."""

    name = "jupyter-condaenv"
    raise_config_file_errors = True

    def read(self) -> Config:
        for name in CONFIG_FILES:
            self.load_config_file(name, path=jupyter_config_path())
        return self.config


def sources() -> tuple[condarc.Source, ...]:
    """What each of the files says of us, weakest first. Without secrets."""
    found = []
    for name in CONFIG_FILES:
        for folder in reversed(jupyter_config_path()):
            for loader in (PyFileConfigLoader(f"{name}.py", folder), JSONFileConfigLoader(f"{name}.json", folder)):
                with suppress(ConfigFileNotFound):
                    said = loader.load_config().get(CondaEnv.__name__, {}).items()
                    plain = {key: one.to_dict() if isinstance(one, LazyConfigValue) else one for key, one in said}
                    found.append(condarc.Source(place=loader.full_filename, settings=plain))
    return tuple(without_secrets(one) for one in found if one.settings)


def generated() -> str:
    """A configuration file in which every trait stands with its meaning and its default, commented out."""
    return _Reader().generate_config_file(classes=[CondaEnv])


def reference() -> str:
    """The page about all traits, as Markdown."""
    lines = [
        "# Configuration",
        "",
        "<!-- Made from jupyter_condaenv/config.py by `make docs`. -->",
        "",
        "The traits of `CondaEnv`. `jupyter condaenv --generate-config` writes a file in which they stand with their",
        f"defaults; they are read from {' and '.join(f'`{name}.py`' for name in CONFIG_FILES)} (or `.json`) in any",
        "directory that `jupyter --paths` lists under config. A server takes them on its command line as well, such as",
        "`--CondaEnv.solve_timeout=300`, for itself alone: the command line and `%condaenv` go by the files.",
    ]
    for name, trait in sorted(CondaEnv.class_own_traits(config=True).items()):
        default = repr(trait.default()) if trait.default() else "empty"
        lines += ["", f"## {name}", "", f"{_kind(trait)}; by default {default}.", ""]
        lines += [line.strip() for line in trait.help.strip().splitlines()]
    return "\n".join(lines) + "\n"


def _kind(trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, Enum):
        return f"One of {', '.join(value for value in trait.values or () if value)}"
    kinds = {Bool: "True or False", Float: "A number", Integer: "A whole number", List: "A list of texts"}
    return kinds.get(type(trait), "A text")


def load(before: Config | None = None, after: Config | None = None) -> CondaEnv:
    """The configuration of this user, from Jupyter's files. Raises InvalidRequest for one that cannot be used.

    A server has two more: ``before`` them what was said to servers alone, and ``after`` them its command line.
    """
    try:
        merged = Config(before or {})
        merged.merge(_Reader().read())
        merged.merge(after or {})
        return CondaEnv(config=merged)
    except CondaEnvError:
        raise
    except Exception as error:  # a configuration file is a program: it can raise anything
        raise InvalidRequest(
            f"Jupyter's configuration cannot be used: {error}",
            f"Mend the file: one of {' or '.join(CONFIG_FILES)} (.py or .json) in {', '.join(jupyter_config_path())}.",
        ) from error


if __name__ == "__main__":
    sys.stdout.write(reference())
