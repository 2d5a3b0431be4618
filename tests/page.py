#!/usr/bin/env python3
"""What headless Chromium makes of the report, as it is on disk: rendered wide, on a phone, in the dark, printed, and the
tree that it hands to screen readers.

    page.py BROWSER FILE.html     prints one JSON object: wide, dark, phone, phone_dark, print, tree

One browser, spoken to by the DevTools protocol over a pipe; nothing but Python's own library. Exit code 3: the browser does
not start here. KEEP=FOLDER keeps the screenshots and the PDF.
"""
import base64
import fcntl
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time

from pixels import decode

PATIENCE_S = 120  # a busy machine is slow; nothing here takes a second on an idle one
LOOK = r"""(() => {
    const d = document.documentElement, images = [...document.images];
    const numbers = c => c.match(/[\d.]+/g).map(Number);
    const light = c => {
        const [r, g, b] = numbers(c).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    const ground = e => {
        for (; e; e = e.parentElement) {
            const c = numbers(getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] > 0) return getComputedStyle(e).backgroundColor;
        }
        return 'rgb(255, 255, 255)';
    };
    const poor = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let count = 0;
    for (let t; (t = texts.nextNode());) {
        const e = t.parentElement;
        if (!t.data.trim() || !e.getClientRects().length) continue;
        count++;
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
        if (a / b < 4.5 || parseFloat(getComputedStyle(e).fontSize) < 12) poor.add(e.tagName + ' ' + t.data.trim().slice(0, 20));
    }
    /* The pixels of each picture: its corner is the page's ground, and blue lines or marks are drawn on it. */
    const page = numbers(getComputedStyle(document.body).backgroundColor);
    const drawn = i => {
        const c = document.createElement('canvas');
        c.width = i.naturalWidth; c.height = i.naturalHeight;
        const x = c.getContext('2d');
        x.drawImage(i, 0, 0);
        const p = x.getImageData(0, 0, c.width, c.height).data;
        let blue = 0;
        for (let k = 0; k < p.length; k += 4) blue += p[k + 2] > p[k] + 60 && p[k + 3] > 200;
        return [0, 1, 2].every(k => p[4 * (2 * i.naturalWidth + 2) + k] === page[k]) && blue > 300;
    };
    const all = q => [...document.querySelectorAll(q)];
    return JSON.stringify({
        fits: d.scrollWidth <= innerWidth, width: innerWidth,
        pictures: images.length, drawn: images.every(drawn),
        narrow: images.every(i => i.naturalWidth === 400), letters: images.every(i => i.width / i.naturalWidth > 0.75),
        ids: new Set(all('[id]').map(e => e.id)).size === all('[id]').length,
        columns: all('table').every(t => [...t.rows].every(r => r.cells.length === t.rows[0].cells.length)),
        reach: all('nav a').every(a => a.getClientRects().length === 0 || a.getBoundingClientRect().height >= 24),
        words: count > 100, poor: [...poor].join('; '), page: page.join(' ')});
})()"""


class Browser:
    """A headless browser and one page of it."""

    def __init__(self, program, profile):
        # Out of the way of 3 and 4, where the browser looks for them.
        ends = [fcntl.fcntl(f, fcntl.F_DUPFD, 20) for pair in (os.pipe(), os.pipe()) for f in pair]
        read_theirs, self.write, self.read, write_theirs = ends
        self.number, self.rest, self.session = 0, b"", None

        def place():
            os.dup2(read_theirs, 3)
            os.dup2(write_theirs, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--remote-debugging-pipe", "--user-data-dir=" + profile, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=place, pass_fds=(3, 4))
        os.close(read_theirs)
        os.close(write_theirs)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE_S
        while True:
            while b"\0" in self.rest:
                one, self.rest = self.rest.split(b"\0", 1)
                answer = json.loads(one)
                if answer.get("id") == self.number:
                    if "error" in answer:
                        raise OSError("%s: %s" % (method, answer["error"]))
                    return answer["result"]
            if not select.select([self.read], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError(method)
            more = os.read(self.read, 1 << 16)
            if not more:
                raise OSError("the browser has gone")
            self.rest += more

    def run(self, script):
        result = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise OSError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def close(self):
        self.process.kill()
        self.process.wait()


def keep(name, data):
    if os.environ.get("KEEP"):
        with open(os.path.join(os.environ["KEEP"], name), "wb") as file:
            file.write(data)


def look(browser, url, name, width, scheme, media="", phone=False):
    """The page by the script's eyes, and by its pixels: the edges are ground, the middle is not."""
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=phone)
    browser.ask("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.ask("Page.navigate", url=url)
    browser.run("new Promise(r => { const wait = () => document.readyState === 'complete' && location.protocol === 'file:' ?"
                " Promise.all([...document.images].map(i => i.decode())).then(r) : setTimeout(wait, 50); wait(); })")
    seen = json.loads(browser.run(LOOK))
    shot = base64.b64decode(browser.ask("Page.captureScreenshot", format="png")["data"])
    keep(name + ".png", shot)
    wide, high, rows = decode(shot)
    ground = rows[high - 1][0]
    seen["edges"] = all(rows[y][x] == ground for y in range(high) for x in (0, 1, 2, 3, wide - 3, wide - 2, wide - 1))
    seen["ink"] = len({p for row in rows for p in row}) > 20
    return seen


def tree(browser):
    """What a screen reader is given, in a few figures and texts."""
    nodes = [n for n in browser.ask("Accessibility.getFullAXTree")["nodes"] if not n.get("ignored")]

    def role(n):
        return n.get("role", {}).get("value", "")

    def name(n):
        return n.get("name", {}).get("value", "").strip()

    def named(r):
        return [name(n) for n in nodes if role(n) == r]

    def level(n):
        return next((str(p["value"]["value"]) for p in n.get("properties", []) if p["name"] == "level"), "?")

    return {
        "landmarks": "%d %d %d %d" % tuple(len(named(r)) for r in ("banner", "navigation", "main", "contentinfo")),
        "navigation": ", ".join(named("navigation")),
        "headings": "".join(level(n) for n in nodes if role(n) == "heading"),
        "sections": all(h in named("region") for h in [name(n) for n in nodes if role(n) == "heading" and level(n) == "2"]),
        "tables": len(named("table")), "tables_named": all(named("table")),
        "column_headers": len(named("columnheader")) > 0 and all(named("columnheader")),
        "row_headers": len(named("rowheader")) > 0 and all(named("rowheader")),
        "pictures": len(named("image") + named("img")),
        "pictures_named": all(len(n) > 60 for n in named("image") + named("img")),
        "links_named": len(named("link")) >= 7 and all(named("link")),
        "lists_named": "In short" in named("list"),
    }


def main():
    program, path = sys.argv[1:]
    url = "file://" + os.path.abspath(path)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = None
        try:
            browser = Browser(program, profile)
            browser.ask("Page.enable")
        except (OSError, TimeoutError) as e:
            print("the browser does not start: %s" % e, file=sys.stderr)
            if browser:
                browser.close()
            return 3
        try:
            seen = {"wide": look(browser, url, "wide", 1200, "light"), "tree": tree(browser),
                    "dark": look(browser, url, "dark", 1200, "dark"),
                    "phone": look(browser, url, "phone", 360, "light", phone=True),
                    "phone_dark": look(browser, url, "phone_dark", 360, "dark", phone=True),
                    "print": look(browser, url, "print", 700, "dark", media="print")}
            browser.ask("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": "dark"}])
            pdf = base64.b64decode(browser.ask("Page.printToPDF")["data"])
            keep("report.pdf", pdf)
            seen["pages"] = len(re.findall(rb"/Type */Page\b(?!s)", pdf)) if pdf.startswith(b"%PDF") else 0
        finally:
            browser.close()
    print(json.dumps(seen))
    return 0


sys.exit(main())
