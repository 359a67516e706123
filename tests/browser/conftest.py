"""A browser for tests marked `browser`: the system's Chromium, without a network.

Where there is none they are skipped; with ANP_REQUIRE_KERNEL=1 that is a failure.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

_NO_NETWORK = ("--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking", "--no-proxy-server")

_PATIENCE = 120_000
"""Milliseconds until something that does not come is given up: how busy the machine is does not matter."""

expect.set_options(timeout=_PATIENCE)


@dataclass
class Seen:
    """A page, and all that it has asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


# It has an event loop in this thread while it lasts, so it must not outlast the module.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        reason = "there is no chromium; make browser installs it"
        if os.environ.get("ANP_REQUIRE_KERNEL", "0") == "1":
            pytest.fail(f"ANP_REQUIRE_KERNEL=1, but {reason}", pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path, args=_NO_NETWORK) as started:
        yield started


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Seen]]:
    """Show a text as a page of its own; the page must have asked for nothing else and complained of nothing."""
    contexts, shown = [], []

    def opened(text: str, **options) -> Seen:
        file = tmp_path / f"{len(shown)}.html"
        file.write_text(text, encoding="utf-8")
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(_PATIENCE)
        seen = Seen(contexts[-1].new_page())
        shown.append(seen)
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
        seen.page.goto(file.as_uri())
        assert seen.requests == [file.as_uri()]
        return seen

    yield opened
    for context in contexts:
        context.close()
    for seen in shown:
        assert (len(seen.requests), seen.complaints) == (1, [])
