"""A fixture that returns figures instead of saving them."""

import matplotlib.pyplot as plt
import pytest

from flystage.report import crossval_figures, figures


@pytest.fixture
def figure_of(monkeypatch):
    """Return a function that returns the figure that a drawing function makes of its arguments."""
    saved = []
    for module in (figures, crossval_figures):
        monkeypatch.setattr(module, "save", lambda figure, path: saved.append(figure))

    def figure_of(draw, *arguments, **named):
        draw(*arguments, "figure.png", **named)
        return saved[-1]

    yield figure_of
    for figure in saved:
        plt.close(figure)
