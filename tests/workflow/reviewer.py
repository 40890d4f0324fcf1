"""Helper: start a review of suggestions in a browser."""

import json


def begun(page, path, who="Ada", how="seen", width=1280):
    """Open the page. If it asks for the reviewer, answer."""
    page.open(path, width)
    page.value("Date.now = () => 0")  # also on a slow machine, the page sees all keys at the same time
    if page.value("document.querySelector('#start').open"):
        page.value(f"document.querySelector('#who').value = {json.dumps(who)}")
        page.value(f"document.querySelector('#start [value={how}]').click()")
        page.value("document.querySelector('#start [value=start]').click()")
