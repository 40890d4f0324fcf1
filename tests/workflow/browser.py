"""Drive headless Chromium through a pipe. In its DevTools protocol, a zero byte ends each JSON message."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)
CODES = {
    "Enter": 13, "Escape": 27, "Backspace": 8, "Tab": 9, "Home": 36, "End": 35,
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
}  # fmt: skip

# Resolves after the work that a key or a click postponed. A dialog, for example, reports its closing one task later.
WHAT_WAITS = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Page:
    """A page in the browser. faults: errors and warnings of its console and scripts. requests: requested addresses."""

    def __init__(self, answers, orders):
        self.answers, self.orders, self.number, self.rest, self.session = answers, orders, 0, b"", None
        self.faults, self.requests, self.loaded = [], [], False
        [page] = [each for each in self.ask("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        self.session = self.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **params):
        """Send a command and return its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.orders, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _next(self):
        while b"\0" not in self.rest:
            part = os.read(self.answers, 2**20)
            assert part, "the browser has ended"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(message)
        self._heed(message.get("method"), message.get("params", {}))
        return message

    def _heed(self, event, params):
        if event == "Runtime.exceptionThrown":
            self.faults.append(params["exceptionDetails"]["text"])
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.faults.append(str(params["args"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.faults.append(params["entry"]["text"])
        elif event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event == "Page.loadEventFired":
            self.loaded = True

    def open(self, path, width, height=900):
        """Load a file in a window of this size, in pixels, and wait until it is loaded."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.loaded = False
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while not self.loaded:
            self._next()

    def value(self, script):
        """Return the value of a piece of JavaScript."""
        result = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script):
        """Wait until a piece of JavaScript is true."""
        until = time.monotonic() + 20
        while not self.value(f"Boolean({script})"):
            assert time.monotonic() < until, f"not within 20 s: {script}"
            time.sleep(0.05)

    def press(self, *keys):
        """Press keys one after another: characters, or names such as Enter and ArrowLeft."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            code = {} if len(key) == 1 else {"windowsVirtualKeyCode": CODES[key]}
            self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **code)
            self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, **code)
        self.value(WHAT_WAITS)

    def touch(self, selector):
        """Scroll an element into view and click in its middle."""
        self.value(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'nearest'}})")
        box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()"
        box = self.value(box)
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, **place)
        self.value(WHAT_WAITS)

    def give(self, selector, *paths):
        """Choose files in an <input type=file>."""
        element = self.ask("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")["result"]
        self.ask("DOM.setFileInputFiles", files=[str(path.resolve()) for path in paths], objectId=element["objectId"])

    def saved(self, folder, name, script):
        """Run a piece of JavaScript. Return the bytes of the file that the page saves as `name` to a new folder."""
        folder.mkdir()
        self.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder.resolve()))
        self.value(script)
        until = time.monotonic() + 20
        while not (folder / name).exists():
            assert time.monotonic() < until, f"{name} was not saved, but {list(folder.iterdir())}"
            time.sleep(0.05)
        return (folder / name).read_bytes()

    def printed(self):
        """Return the page as the bytes of a PDF."""
        return base64.b64decode(self.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def picture(self, path, whole=True):
        """Write a picture of the whole page, or only of the part in the window."""
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browser(profile=None):
    """Yield a Page in a new browser, which ends with the block. profile: folder that keeps what pages store."""
    orders_out, orders = os.pipe()
    answers, answers_in = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as passing:
        profile, kept = profile or passing, profile is not None
        pipes = f'exec "$@" 3<&{orders_out} 4>&{answers_in}'
        command = ["bash", "-c", pipes, "-", CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, pass_fds=(orders_out, answers_in), stderr=subprocess.DEVNULL)
        os.close(orders_out)
        os.close(answers_in)
        try:
            page = Page(answers, orders)
            yield page
            if kept:
                page.ask("Browser.close")
                process.wait(20)
        finally:
            process.kill()
            process.wait()
            os.close(orders)
            os.close(answers)
