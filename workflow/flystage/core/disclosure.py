"""Hide credentials in text, and shorten paths to what distinguishes files, before others see them."""

import os
import re
from pathlib import Path

HIDDEN = "[hidden]"
# A URL in four groups: scheme, login, the rest, query.
URL = re.compile(r"([a-z][a-z0-9+.-]*://)([^\s/@\"'<>]+@)?([^\s?\"'<>]*)(\?[^\s\"'<>]*)?", re.IGNORECASE)
OF_A_LOGIN = re.compile(r"sig|token|key|credential|secret|pass|auth|policy", re.IGNORECASE)
BY_FORM = re.compile(
    r"\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}|hf_[A-Za-z0-9]{16,}|gh[a-z]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,})(?![A-Za-z0-9])"
)
BY_NAME = re.compile(
    r"\b(?:bearer|basic)\s+(?=[\w+/.~-]{16})|\b[\w-]*(?:secret_?access_?key|(?:session|security|access|auth|hf)[_-]?token|api_?key|passw(?:or)?d)"
    r"[\"']?\s*[=:]\s*[\"']?",
    re.IGNORECASE,
)
VALUE = r"[^\s\"',;&<>]+"
NAMED = re.compile(f"({BY_NAME.pattern}){VALUE}", re.IGNORECASE)
SECRET_VARIABLE = re.compile(r"secret|token|passw|credential|api_?key|access_?key|private_?key", re.IGNORECASE)
SHORTEST = 8  # characters of a secret variable's value: shorter values occur within ordinary words


def without_credentials(text):
    """Return a text with credentials hidden: logins and signatures in URLs, tokens, keys, passwords, secret environment variables."""
    for name, value in os.environ.items():
        if (
            len(value) >= SHORTEST and SECRET_VARIABLE.search(name) and not value.startswith("/")
        ):  # a path to a file with the secret
            text = text.replace(value, HIDDEN)
    text = URL.sub(_without_login, text)
    return NAMED.sub(rf"\1{HIDDEN}", BY_FORM.sub(HIDDEN, text))


def _without_login(url):
    scheme, login, rest, query = url.groups(default="")
    if login:
        login = f"{HIDDEN}@"
    if OF_A_LOGIN.search(query):
        query = f"?{HIDDEN}"
    return f"{scheme}{login}{rest}{query}"


def file_shown(path):
    """Return a path inside the folder where the workflow was started unchanged, and only the file name of any other path."""
    return os.path.basename(path) if _lies_elsewhere(path) else path


def places_shown(folders):
    """Return a function that shortens paths in a text: a folder outside the one where the workflow was started keeps its last name.

    folders: paths with which paths in the text begin. Folders with the same last name keep as many names as distinguish them.
    """
    parts = {folder: Path(os.path.abspath(folder)).parts[1:] for folder in folders}
    shown = {}
    for folder in filter(_lies_elsewhere, parts):
        others = [names for other, names in parts.items() if other != folder]
        names = parts[folder]
        length = next((n for n in range(1, len(names)) if names[-n:] not in {each[-n:] for each in others}), len(names))
        shown[folder] = "/".join(names[-length:])
    if not shown:
        return lambda text: text
    longest_first = sorted(shown, key=len, reverse=True)
    begins = re.compile(rf"(?<![^\s(\"'“])(?:{'|'.join(map(re.escape, longest_first))})(?=/|$)")
    return lambda text: begins.sub(lambda found: shown[found[0]], text)


def _lies_elsewhere(path):
    return os.path.isabs(path) or path.split("/")[0] == ".."
