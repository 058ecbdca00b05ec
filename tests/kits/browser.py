"""Debian's chromium, without a window, driven by playwright; what it is asked for and what it says is kept."""

import base64
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.kits.needs import needs

Scheme = Literal["light", "dark"]

_ARGUMENTS: Final = (
    "--no-sandbox",  # a container's root has no other way
    "--disable-gpu",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

_STICKS_OUT: Final = """() => [...document.body.querySelectorAll('*')].filter(each => {
    if (each.closest('thead') && getComputedStyle(each.closest('thead')).position === 'absolute') return false;
    const box = each.getBoundingClientRect(), style = getComputedStyle(each);
    const clips = style.overflowX !== 'visible' && each.scrollWidth > each.clientWidth;
    return box.width > 0 && (box.left < -0.5 || box.right > innerWidth + 0.5 || clips);
}).map(each => each.outerHTML.slice(0, 120))"""
"""Elements that stick out of the window, or cut off what they hold. Heads of a table that only screen readers see don't
count."""

_PALETTE: Final = """async ([png]) => {
    const blob = await (await fetch('data:image/png;base64,' + png)).blob();
    const image = await createImageBitmap(blob);
    const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
    const counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
    const colours = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([colour]) => colour);
    const palette = [], index = new Map(), part = (colour, shift) => (colour >>> shift) & 255;
    for (const colour of colours) {
        const far = palette.map(other => [0, 8, 16].reduce(
            (sum, shift) => sum + (part(colour, shift) - part(other, shift)) ** 2, 0));
        const least = Math.min(...far);
        const isNew = palette.length < 16 || (palette.length < 64 && least > 300);
        index.set(colour, isNew ? palette.push(colour) - 1 : far.indexOf(least));
    }
    const shown = Uint8Array.from(pixels, pixel => index.get(pixel));
    let text = '';
    for (let at = 0; at < shown.length; at += 8192) text += String.fromCharCode(...shown.subarray(at, at + 8192));
    return [image.width, image.height, palette.map(each => [0, 8, 16].map(shift => part(each, shift))), btoa(text)];
}"""
"""A picture's pixels by their place in a palette of 64: its most frequent colours, and none like another."""


class Seen(NamedTuple):
    """A page in a window.

    :ivar requests: addresses that were asked for.
    :ivar said: on the console; errors of scripts, and what its own rules forbade.
    """

    page: Page
    requests: list[str]
    said: list[str]

    def sticks_out(self) -> list[str]:
        """Return what cannot be seen whole."""
        width = self.page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        sideways = [f"the page is {width[0]} wide, the window {width[1]}"] if width[0] > width[1] else []
        found: list[str] = self.page.evaluate(_STICKS_OUT)
        return sideways + found

    def violations(self, options: Mapping[str, Any] | None = None) -> str:
        """Return what axe-core finds, by all of its rules but the experimental ones; empty: nothing.

        :param options: axe-core's, besides.
        """
        found = Axe().run(self.page, options={"resultTypes": ["violations"], **(options or {})})
        return str(found.generate_report()) if found.violations_count else ""

    def picture(self) -> bytes:
        """Return the whole page as a PNG of 64 colours, a quarter as large as the browser's own."""
        whole = base64.b64encode(self.page.screenshot(full_page=True, animations="disabled")).decode()
        with self.page.context.browser.new_context() as context:  # type: ignore[union-attr]
            width, height, palette, pixels = context.new_page().evaluate(_PALETTE, [whole])
        return _png(width, height, palette, base64.b64decode(pixels))


def _png(width: int, height: int, palette: list[list[int]], pixels: bytes) -> bytes:
    rows = b"".join(b"\0" + pixels[start : start + width] for start in range(0, width * height, width))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(part for colour in palette for part in colour)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


class Chromium:
    """A browser. Each window has a profile of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextmanager
    def window(self, width: int, scheme: Scheme = "light", **options: Any) -> Iterator[Seen]:
        """Open one. `options`: playwright's, of a context."""
        with self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        ) as context:
            page = context.new_page()
            seen = Seen(page, [], [])
            page.on("request", lambda request: seen.requests.append(request.url))
            page.on("console", lambda message: seen.said.append(message.text))
            page.on("pageerror", lambda error: seen.said.append(str(error)))
            yield seen


@contextmanager
def chromium(profile: Path) -> Iterator[Chromium]:
    """Run it.

    :param profile: a folder in which it may leave what it wants.
    """
    program = needs("chromium", "chromium")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=program, args=list(_ARGUMENTS), env={**os.environ, "HOME": str(profile)}
        ) as browser,
    ):
        yield Chromium(browser)
