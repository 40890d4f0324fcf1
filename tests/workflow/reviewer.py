"""Somebody who reviews suggestions in a browser."""

import json


def begun(page, path, who="Ada", how="seen", width=1280):
    """Open the page, and if it asks, say who reviews."""
    page.open(path, width)
    page.value("Date.now = () => 0")  # on a slow machine too, keys follow one another at once
    if page.value("document.querySelector('#start').open"):
        page.value(f"document.querySelector('#who').value = {json.dumps(who)}")
        page.value(f"document.querySelector('#start [value={how}]').click()")
        page.value("document.querySelector('#start [value=start]').click()")
