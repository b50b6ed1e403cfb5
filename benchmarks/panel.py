"""The panel, in a browser."""

from __future__ import annotations

import gzip
import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from playwright.sync_api import expect, sync_playwright

import jupyter_condaenv
from jupyter_condaenv.engine.model import Message, Settings
from jupyter_condaenv.jobs import NumberedEvent
from tests import browser, lab
from tests.channel import ChannelServer, index, write_package
from tests.server.house import Home, Server
from tests.ui.person import DONE, Person

from .environments import fill, kernel_environment

ENVIRONMENTS = 100
NAMES = 30_000
STREAMED = 100
"""Packages that a job brings while the page is looked at."""
LINES = 5_000
"""In the log of a job."""
SOUGHT = f"package-{NAMES // 2}"
PATIENCE = 120_000

AFTER_PAINT = "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
UNTIL_THERE = """
([event, selector, number, text]) => {
  window.measured = new Promise(done => addEventListener(event, async () => {
    const began = performance.now();
    const there = () => {
      const found = document.querySelectorAll(selector);
      return found.length >= number && [...found].some(one => one.textContent.includes(text));
    };
    while (!there()) await new Promise(requestAnimationFrame);
    done(await AFTER_PAINT - began);
  }, { capture: true, once: true }));
}""".replace("AFTER_PAINT", AFTER_PAINT)
KEYS = """
() => {
  window.keys = [];
  addEventListener("keydown", async () => {
    const began = performance.now();
    window.keys.push(await AFTER_PAINT - began);
  }, { capture: true });
}""".replace("AFTER_PAINT", AFTER_PAINT)
LONG_TASKS = """
() => {
  window.tasks = [];
  new PerformanceObserver(list => window.tasks.push(...list.getEntries().map(one => one.duration)))
    .observe({ type: "longtask" });
}"""


def panel(settings: Settings, rounds: int) -> None:
    """Listing, searching, and looking at a job."""
    with sync_playwright() as playwright:
        program = browser.program(playwright.chromium)
        if program is None:
            print(f"panel: not measured, there is no Chromium. {browser.HOW_TO_GET_ONE}")
            return
        running = browser.launch(playwright.chromium, program)
        with _lab(settings) as server:
            page = running.new_page(viewport={"width": 1280, "height": 800})
            person = Person(page, server)
            _list(person, rounds)
            _search(person)
            _stream(person)
            _log(person)
            _bundle()
        running.close()


@contextmanager
def _lab(settings: Settings) -> Iterator[Server]:
    """JupyterLab with many environments, and a channel of many packages of which a few can be had."""
    folder = Path(settings.cache_dir).parent / "panel"
    with ChannelServer(_channel(folder / "channel"), latency=0.05) as channel:
        home = Home(folder / "home", channel.url)
        lab.settle(folder / "home" / "config")
        fill(home.envs, ENVIRONMENTS, kernel_environment(settings))
        server = Server(home, application="jupyterlab")
        try:
            server.client().do("POST", "packages", {})
            server.client().do("POST", "storage", {})
            yield server
        finally:
            server.end()


def _channel(place: Path) -> Path:
    """With the names of packages which nobody will ask for, beside those that can be had."""
    for number in range(STREAMED):
        name = f"streamed-{number}"
        write_package(place, name, "1.0", files={f"share/{name}": name * 1000}, noarch="generic")
    index(place)
    repodata = place / "noarch" / "repodata.json"
    for packed in repodata.parent.glob("repodata*.zst"):
        packed.unlink()
    told = json.loads(repodata.read_bytes())
    for number in range(NAMES):
        record = {"name": f"package-{number}", "version": "1.0", "build": "0", "build_number": 0, "depends": []}
        told["packages.conda"][f"package-{number}-1.0-0.conda"] = record | {"subdir": "noarch", "size": 1}
    repodata.write_text(json.dumps(told))
    return place


def _list(person: Person, rounds: int) -> None:
    print(f"the first list of {ENVIRONMENTS} environments, from the click that opens the panel to the picture of it")
    took = []
    for _ in range(rounds):
        person.arrive()
        tab = person.page.get_by_role("tab", name="Conda environments")
        tab.wait_for()
        _rest(person)
        rows = f"#{lab.PANEL} ul[aria-label=Environments] > li"
        person.page.evaluate(UNTIL_THERE, ["pointerdown", rows, ENVIRONMENTS, "packages"])
        tab.click()
        took.append(person.page.evaluate("measured"))
    _tell("list", took, "300 ms")


def _search(person: Person) -> None:
    print(f"typing in the search of {NAMES} packages")
    person.panel.locator('[data-command="condaenv:create"]').click()
    found = person.panel.get_by_role("list", name="Found packages")
    box = person.panel.get_by_role("searchbox", name="Find packages")
    box.click()
    person.page.keyboard.insert_text("p")
    expect(found).to_contain_text("package-", timeout=PATIENCE)
    box.clear()
    person.page.evaluate(KEYS)
    took = []
    for end in range(len(SOUGHT)):
        row = f"#{lab.PANEL} ul[aria-label='Found packages'] > li"
        person.page.evaluate(UNTIL_THERE, ["keydown", row, 1, SOUGHT[: end + 1]])
        person.page.keyboard.press(SOUGHT[end])
        took.append(person.page.evaluate("measured"))
    _tell("from a key to the picture of it", person.page.evaluate("keys"), "100 ms")
    _tell("from a key to what it finds", took, "none set")


def _stream(person: Person) -> None:
    print(f"the longest task of the page while a job brings {STREAMED} packages")
    person.open_panel()
    _rest(person)
    person.page.evaluate(LONG_TASKS)
    person.server.client().start(
        "POST", "environments", {"name": "streamed", "specs": [f"streamed-{number}" for number in range(STREAMED)]}
    )
    expect(person.job("Create streamed")).to_contain_text(DONE, timeout=PATIENCE)
    _tell_longest(person)


def _log(person: Person) -> None:
    print(f"the longest task of the page while a log of {LINES} lines is opened and gone through")
    client = person.server.client()
    job = next(job["id"] for job in client.get("jobs")["jobs"] if job["prefix"].endswith("/streamed"))
    (events,) = person.server.home.folder.glob(f"**/jobs/{job}/events.jsonl")
    last = msgspec.json.decode(events.read_bytes().splitlines()[-1], type=NumberedEvent)
    told = [
        msgspec.structs.replace(last, number=last.number + number, event=Message(text=f"Line {number} of many"))
        for number in range(1, LINES + 1)
    ]
    with events.open("ab") as file:
        file.writelines(msgspec.json.encode(one) + b"\n" for one in told)
    person.open_panel()
    _rest(person)
    person.page.evaluate(LONG_TASKS)
    row = person.job("Create streamed")
    row.get_by_role("button", name="Log: Create streamed").click()
    log = row.get_by_role("group", name="Log")
    lines = "number => Number(document.querySelector('.jp-condaenv-log li')?.ariaSetSize) >= number"
    person.page.wait_for_function(lines, arg=LINES, timeout=PATIENCE)
    log.focus()
    for key, line in (("End", LINES), ("Home", 1)):
        person.page.keyboard.press(key)
        expect(log).to_contain_text(f"Line {line} of many", timeout=PATIENCE)
    _tell_longest(person)


def _bundle() -> None:
    print("all that the page may have to load of the panel, gzipped")
    static = Path(jupyter_condaenv.__file__).parent / "labextension" / "static"
    print(f"  {sum(len(gzip.compress(path.read_bytes())) for path in static.glob('*.js')) / 1000:.0f} kB  (bar 200 kB)")


def _rest(person: Person) -> None:
    """JupyterLab is no longer busy with its own start."""
    person.page.wait_for_load_state("networkidle")
    person.page.evaluate("new Promise(requestIdleCallback)")


def _tell_longest(person: Person) -> None:
    tasks = person.page.evaluate("tasks")
    longest = f"{max(tasks):.0f} ms, and {len(tasks)} above 50 ms" if tasks else "none above 50 ms"
    print(f"  {longest}  (bar 50 ms)", flush=True)


def _tell(name: str, took: list[float], bar: str) -> None:
    print(f"  {name}: median {statistics.median(took):.0f} ms, at most {max(took):.0f} ms  (bar {bar})", flush=True)
