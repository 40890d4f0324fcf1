"""What of a packed job decides its name."""

from flystage.cloud import packing


def test_how_many_processes_read_decides_no_name():
    texts = [packing._text({"epochs": 3, "workers": workers, "threads": workers}) for workers in (1, 2)]
    assert packing.decisive(texts[0]) == packing.decisive(texts[1]) != packing.decisive(packing._text({"epochs": 4}))
