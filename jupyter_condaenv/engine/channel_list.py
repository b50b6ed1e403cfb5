"""The channels that are searched when a request names none: what they are, who says so, and changing that."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from . import channels, condarc, condarc_edit, logins
from .channels import LOGIN_PLACES
from .errors import Failure, InvalidRequest, NotFound, Refused
from .model import Channel, Login, Package, Settings

LOCAL = "local"
_ANACONDA = ("https://repo.anaconda.com/", "https://repo.continuum.io/", "https://conda.anaconda.org/pkgs/")
_ANACONDA_CHANNELS = tuple(f"https://conda.anaconda.org/{name}" for name in ("main", "r", "msys2", "anaconda"))


def configured(settings: Settings) -> tuple[Channel, ...]:
    """In order of priority, without repetition. Raises InvalidRequest for one that is none."""
    said = () if settings.channels_chosen else condarc.sources()
    return _found(settings.channels, settings, said)


def named(names: Sequence[str], settings: Settings) -> tuple[Channel, ...]:
    """The channels that ``names`` stand for. Raises InvalidRequest for one that is none."""
    return _found(names, settings, ())


def searched(names: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """Base URLs of the channels that ``names`` stand for, or of the configured ones, in order of priority.

    Raises InvalidRequest for one that is none, Refused for one that may not be used.
    """
    urls = tuple(channel.url for channel in named(names or settings.channels, settings))
    if not names:
        check_asked_for(urls, settings)
    check_allowed(urls, settings)
    return urls


def refusal(settings: Settings) -> Failure | None:
    """Why there are no packages where a request names no channel; None where there are."""
    try:
        searched((), settings)
    except Refused as error:
        return error.failure()
    return None


def _found(names: Sequence[str], settings: Settings, said: Sequence[condarc.Source]) -> tuple[Channel, ...]:
    own = condarc.read()
    found: dict[str, Channel] = {}
    for channel in names:
        for name in own.members(channel):
            url = url_of(name, settings, own)
            found.setdefault(url, Channel(name=name, url=url, place=_place(channel, said)))
    return tuple(found.values())


def _place(channel: str, said: Sequence[condarc.Source]) -> str:
    """The strongest place that names ``channel``."""
    return next((source.place for source in reversed(said) if channel in source.settings.get("channels", ())), "")


def url_of(channel: str, settings: Settings, own: condarc.Condarc) -> str:
    """The base URL of one channel. Raises InvalidRequest for what is none."""
    places = {LOCAL: local_folder(settings).as_uri(), **own.custom_channels}
    return channels.base_url(channel, settings.channel_alias, places)


def local_folder(settings: Settings) -> Path:
    """The channel called ``local``, as in conda: of what was built here, where no other channel was named for it."""
    return Path(settings.data_dir) / "channel"


def check_allowed(urls: Sequence[str], settings: Settings) -> None:
    """Raises Refused for a channel that ``.condarc`` denies."""
    own = condarc.read()
    allowed, denied = (
        {url_of(member, settings, own) for channel in listed for member in own.members(channel)}
        for listed in (own.allowlist_channels, own.denylist_channels)
    )
    denied_places = {_leads_to(url) for url in denied}
    for url in urls:
        if _leads_to(url) in denied_places or (allowed and url not in allowed):
            raise Refused(
                f"The channel {url} may not be used here: .condarc says so.",
                "Use another channel, or ask who administrates this machine (denylist_channels, allowlist_channels).",
                channel=url,
            )


def _leads_to(url: str) -> tuple[str, ...]:
    """What servers take ``url`` for, of the many ways in which it can be written."""
    parts = urlsplit(url)
    host, _, port = parts.netloc.lower().partition(":")
    path = posixpath.normpath(f"/{unquote(parts.path).lstrip('/')}").lower()
    return host.rstrip("."), "" if port in ("80", "443") else port, path


def check_packages(packages: Iterable[Package], settings: Settings) -> None:
    """Raises Refused for a package of a channel that ``.condarc`` denies: a lock and a URL name channels as well, and
    a lock may say that a package is of another than it is fetched from."""
    own = condarc.read()
    if own.allowlist_channels or own.denylist_channels:
        places = [place for package in packages for place in (package.channel, package.url.rpartition("/")[0])]
        found = named(list(dict.fromkeys(places)), settings)
        check_allowed([channel.url for channel in found], settings)


def check_asked_for(urls: Sequence[str], settings: Settings) -> None:
    """Raises Refused for a channel of Anaconda's that only some ``.condarc`` names: installers write such files."""
    of_anaconda = [url for url in urls if url.startswith(_ANACONDA) or url in _ANACONDA_CHANNELS]
    if of_anaconda and not settings.channels_chosen:
        raise Refused(
            f"{', '.join(of_anaconda)} {'is' if len(of_anaconda) == 1 else 'are'} not used unless asked for: the terms "
            "of service of Anaconda's own channels (`defaults`) want larger organisations to pay for them.",
            "conda-forge has the same packages, free of charge: -c conda-forge, or put it into ~/.condarc instead. "
            "Where you may use them: -c defaults, or the trait channels.",
            channels=of_anaconda,
        )


def add(channel: str, settings: Settings, *, first: bool = False, login: Login | None = None) -> None:
    """Put ``channel`` into the person's ``.condarc``, with the lowest or the highest priority, and keep ``login``.

    Raises InvalidRequest for what is no channel, Refused for one that may not be used and where other files forbid it,
    StorageError.
    """
    own = condarc.read()
    urls = _urls(channel, settings, own)
    before = list(settings.channels)
    known = [url for name in before for url in _known_urls(name, settings, own)]
    there = set(urls) <= set(known) and (not first or known[: len(urls)] == list(urls))
    if not there:
        _check_changeable(settings)
        check_asked_for(urls, settings)
        check_allowed(urls, settings)
    if login is not None:
        logins.store(_only(channel, urls), login, _guard(settings))
    if there:
        return
    mine = condarc.user_file()

    def edit(text: str) -> str:
        key = _key(text)
        kept = condarc_edit.without_items(text, key, lambda item: _known_urls(item, settings, own) == urls)
        # What other places say comes behind this file's list, so behind the last of them is behind a copy of them.
        here = {_plain(item) for item in condarc_edit.listed(kept, key)}
        others = [name for name in before if name not in here and _known_urls(name, settings, own) != urls]
        others = [] if first and here else others
        new = [channel.strip(), *others] if first else [*others, channel.strip()]
        return condarc_edit.with_items(kept, key, new, first=first)

    condarc_edit.change(mine, edit, _guard(settings))


def remove(channel: str, settings: Settings) -> str:
    """Take ``channel`` out of the person's ``.condarc``. Its login stays: other channels of the host may need it.

    Returns the host whose login is kept; empty where none is.

    Raises NotFound, InvalidRequest for what is no channel, Refused where it is another place or another name that
    brings it, StorageError.
    """
    own = condarc.read()
    urls = _urls(channel, settings, own)
    named = [name for name in settings.channels if _known_urls(name, settings, own) == urls]
    if not named:
        for name in settings.channels:
            if set(urls) <= set(_known_urls(name, settings, own)):
                raise Refused(
                    f"{channel} is one of the channels that {name} stands for.",
                    f"`jupyter condaenv channel remove {name}` takes all of them out.",
                    channel=name,
                )
        raise NotFound(
            f"{channel} is not among the configured channels.", "`jupyter condaenv channel list` shows them."
        )
    _check_changeable(settings)
    mine = condarc.user_file()
    elsewhere = [
        source.place
        for source in condarc.sources()
        if set(named) & set(source.settings.get("channels", ())) and source.place != str(mine)
    ]
    if elsewhere:
        raise Refused(f"It is {' and '.join(elsewhere)} that names {channel}.", "Change it there.", places=elsewhere)
    if not mine.exists():
        raise Refused(f"{channel} is what is used where nobody says anything.", "Add another channel before it.")
    condarc_edit.change(
        mine,
        lambda text: condarc_edit.without_items(
            text, _key(text), lambda item: _known_urls(item, settings, own) == urls
        ),
        _guard(settings),
    )
    return next(filter(None, map(logins.kept_for, urls)), "")


def logout(channel: str, settings: Settings) -> str:
    """Forget the login that is kept for the host of ``channel``, which need not be a configured one. Returns the host.

    Raises NotFound where none is kept, InvalidRequest for what is no channel, StorageError.
    """
    return logins.forget(_only(channel, _urls(channel, settings, condarc.read())), _guard(settings))


def _only(channel: str, urls: Sequence[str]) -> str:
    """The one URL that ``channel`` stands for. Raises InvalidRequest where there are several: hosts may differ."""
    if len(urls) != 1:
        raise InvalidRequest(
            f"{channel} stands for several channels: {', '.join(urls)}.", "Name the one that the login is for."
        )
    return urls[0]


def _check_changeable(settings: Settings) -> None:
    if settings.channels_chosen:
        raise Refused(
            "The channels are set by Jupyter's configuration, so .condarc does not count.",
            "Change the trait channels of CondaEnv there; `jupyter --paths` lists where it may be. A login for a "
            f"channel that it names can be added here; one for another goes into {LOGIN_PLACES}.",
        )
    final = [source.place for source in condarc.sources() if "channels" in source.final]
    if final and final[0] != str(condarc.user_file()):
        raise Refused(f"{final[0]} says that its channels are final.", "Ask who administrates this machine.")


def _key(text: str) -> str:
    """The name that the list of channels has in a file."""
    return "channel" if condarc_edit.listed(text, "channel") else "channels"


def _urls(name: str, settings: Settings, own: condarc.Condarc) -> tuple[str, ...]:
    """The base URLs of the channels that ``name`` stands for. Raises InvalidRequest for what is none."""
    urls = tuple(url_of(member, settings, own) for member in own.members(name.strip()))
    if not urls:
        raise InvalidRequest(f"{name} stands for no channel at all.", "Look at custom_multichannels in .condarc.")
    return urls


def _known_urls(name: str, settings: Settings, own: condarc.Condarc) -> tuple[str, ...]:
    """The same of a name that stands in a file; empty for what is none."""
    try:
        return _urls(_plain(name), settings, own)
    except InvalidRequest:
        return ()


def _plain(name: str) -> str:
    return channels.redact(os.path.expandvars(name)).rstrip("/") if "://" in name else name


def _guard(settings: Settings) -> Path:
    return Path(settings.data_dir) / "condarc.lock"
