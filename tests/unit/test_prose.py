"""The measure of sentences and the search for retired words that `make lint` calls."""

import pytest

import prose  # docs/prose.py


def test_sentences_leave_out_tables_code_and_headings():
    page = """# A heading of five words

One fact per sentence. `code; here: counts` as one word each.

- A list item is a sentence of its kind.

| a table; with: marks | is left out |

    indented code is left out; as well

```
fenced code; too
```
"""
    assert prose.sentences(page) == [
        "One fact per sentence.",
        "code as one word each.",
        "A list item is a sentence of its kind.",
    ]


def test_measure_counts_words_long_sentences_and_marks():
    long = "word " * 31 + "end; one: two."
    measured = prose.measure(["Three words here.", long])
    assert (measured.sentences, measured.mean_words, measured.long_share, measured.marks) == (2, 18.5, 0.5, 1.0)
    with pytest.raises(ValueError, match="no sentence"):
        prose.measure(["# heading"])


def test_wide_lines_spare_tables_and_code():
    wide = "x" * 101
    assert prose.wide_lines(f"{wide}\n| {wide}\n    {wide}\n```\n{wide}\n```\n{wide}\n") == [(1, wide), (7, wide)]


def test_retired_words_count_in_texts_and_not_in_names():
    word = "told"
    code = f'{word} = 1  # is {word} here\nprint(f"{{{word}}} stays", "{word}")\n'
    assert prose.retired_words(code, ".py") == [(1, word), (2, word)]
    assert prose.retired_words(f"The run {word} us.", ".md") == [(1, word)]
    assert prose.retired_words("toldo, unfold and shallow", ".md") == []
