"""Benchmark of the page of suggestions with thousands of images: time to the first images and time of a filter."""

import statistics

import browser
import review_files
import runs
from row import Row, seconds

IMAGES, DRAWN, REPEATS = 5_000, 200, 5
# Both times end with the frame after the one that shows the pictures.
FIRST_ROWS = """const look = () => {
  const image = document.querySelector("#list .card img");
  if (image && image.complete) requestAnimationFrame(() => { window.firstRows = performance.now() / 1000; });
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);"""
FILTER = """new Promise(done => {
  const start = performance.now();
  document.querySelector("#filters [data-filter=%s]").click();
  requestAnimationFrame(() => requestAnimationFrame(() => done((performance.now() - start) / 1000)));
})"""


def page_of_suggestions(folder):
    """Yield the rows on writing, opening and filtering a page of IMAGES images. Without Chromium, only the row on writing."""
    place = runs.emptied(folder / "review")
    table = review_files.suggestions(place / "pngs", IMAGES, pictures=DRAWN)
    path = place / "predictions.html"
    writing = seconds(review_files.write_page, table, path)
    yield Row(f"writing the page of {IMAGES:,} images", writing, "s", "the aim", 30, "at most")
    if not browser.CHROMIUM:
        print("Chromium is not installed, so the page was not opened.")
        return
    with browser.browser() as page:
        page.ask("Page.addScriptToEvaluateOnNewDocument", source=FIRST_ROWS)
        first = []
        for _ in range(REPEATS):
            page.open(path, 1280)
            first.append(page.value("new Promise(done => setTimeout(done, 500)).then(() => window.firstRows)"))
        page.value("document.querySelector('#start [value=look]').click()")
        names = ("unlike", "unsure", "disagrees")
        chosen = [page.value(FILTER % name) for _ in range(REPEATS) for name in names]
        nodes = page.value("document.querySelectorAll('*').length")
    what = f"{IMAGES:,} images to review"
    yield Row(f"{what}: first rows", statistics.median(first), "s", "the aim", 2, "at most")
    yield Row(f"{what}: slowest of {len(chosen)} filters", max(chosen), "s", "the aim", 0.3, "at most")
    yield Row(f"{what}: nodes of the page", nodes, "", "a node for each image", IMAGES, "at most", 0.3)
