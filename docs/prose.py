"""Measure the words of README and docs, and find retired words in all texts of the repository: `make lint`."""

import io
import re
import subprocess
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
MAX_MEAN_WORDS, MAX_LONG_SHARE, MAX_MARKS, MAX_COLUMNS = 16, 0.04, 0.3, 100
LONG_SENTENCE = 30  # words
GENERATED = ("settings.md",)  # one table, made from the schema
# Words that nobody says, or for which the field has another; see the glossary.
RETIRED = re.compile(
    r"\b(told|anew|mend(?:s|ed|ing)?|beside|shall|whatsoever|for ever|at hand|so many|for want of|came out|come to good|dealt|dealing)\b",
    re.IGNORECASE,
)
OWN_FILES = ("docs/prose.py", "tests/unit/test_prose.py")  # which name the words
TEXTS = {".md", ".py", ".smk", ".yaml", ".yml", ".j2", ".rst", ".toml", ".cff"}


@dataclass(frozen=True)
class Prose:
    """Figures of a text: its number of sentences, and means over them."""

    sentences: int
    mean_words: float
    long_share: float  # of sentences with more than LONG_SENTENCE words
    marks: float  # semicolons and colons per sentence

    def __str__(self):
        return (
            f"{self.sentences} sentences, {self.mean_words:.1f} words each, {self.long_share:.1%} over {LONG_SENTENCE}"
            f" words, {self.marks:.2f} semicolons and colons each"
        )


def sentences(markdown):
    """Return the sentences of Markdown text with at least three words, without tables, code, headings and pictures."""
    text = re.sub(r"<!--.*?-->|```.*?```", " ", markdown, flags=re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith(("    ", "\t", "|", "#", "!["))]
    text = re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "\n\n", "\n".join(lines), flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "code", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))
    found = []
    for block in re.split(r"\n\s*\n", text):
        found += re.split(r"(?<=[.!?])[)\"*]*\s+(?=[A-Z*\"(\[`]|code |flystage )", " ".join(block.split()))
    return [sentence for sentence in found if len(sentence.split()) >= 3]


def measure(texts):
    """Return the `Prose` of several Markdown texts together. Raises ValueError if they hold no sentence."""
    found = [sentence for text in texts for sentence in sentences(text)]
    if not found:
        raise ValueError("no sentence to measure")
    words = [len(sentence.split()) for sentence in found]
    marks = sum(sentence.count(";") + sentence.count(": ") for sentence in found)
    return Prose(
        len(found),
        sum(words) / len(found),
        sum(count > LONG_SENTENCE for count in words) / len(found),
        marks / len(found),
    )


def wide_lines(markdown):
    """Return (line number, line) of lines over MAX_COLUMNS that are neither table, code nor picture."""
    lines = re.sub(r"```.*?```", lambda match: "\n" * match[0].count("\n"), markdown, flags=re.DOTALL).splitlines()
    skipped = ("    ", "\t", "|", "![")
    return [(n, line) for n, line in enumerate(lines, 1) if len(line) > MAX_COLUMNS and not line.startswith(skipped)]


def retired_words(text, suffix):
    """Return (line number, word) of retired words. Of Python and rules, names count as code: only strings and comments count."""
    if suffix not in (".py", ".smk"):
        return [(n, match) for n, line in enumerate(text.splitlines(), 1) for match in RETIRED.findall(line)]
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE"):
            for n, line in enumerate(token.string.splitlines(), token.start[0]):
                words = re.sub(r"\{[^}]*\}", "", line)  # names within f-strings
                found += [(n, match) for match in RETIRED.findall(words)]
    return found


def complaints():
    """Return one line for each thing that is wrong with the texts of the repository."""
    pages = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    pages = [page for page in pages if page.name not in GENERATED]
    measured = measure(page.read_text(encoding="utf-8") for page in pages)
    print(f"README, CONTRIBUTING and docs: {measured}")
    found = []
    limits = [("mean_words", MAX_MEAN_WORDS), ("long_share", MAX_LONG_SHARE), ("marks", MAX_MARKS)]
    found += [f"{name} is above {limit}" for name, limit in limits if getattr(measured, name) > limit]
    for page in pages:
        where = page.relative_to(REPOSITORY)
        wide = wide_lines(page.read_text(encoding="utf-8"))
        found += [f"{where}:{n}: more than {MAX_COLUMNS} columns" for n, _ in wide]
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = REPOSITORY / name
        if path.suffix in TEXTS and path.is_file() and name not in OWN_FILES:
            words = retired_words(path.read_text(encoding="utf-8"), path.suffix)
            found += [f"{name}:{n}: retired word: {word}" for n, word in words]
    return found


if __name__ == "__main__":
    wrong = complaints()
    print("\n".join(wrong), file=sys.stderr)
    sys.exit(1 if wrong else 0)
