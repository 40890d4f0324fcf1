"""Test that credentials are hidden and that shortened paths still distinguish files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flystage.core.disclosure import HIDDEN, file_shown, places_shown, without_credentials

KEY, SECRET = "AKIA" + "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SIGNED = f"https://b.s3.amazonaws.com/m.tar.gz?X-Amz-Credential={KEY}%2F2026&X-Amz-Signature=0a1b2c3d"
TEXTS = {
    f"403 for {SIGNED} (denied)": (f"403 for https://b.s3.amazonaws.com/m.tar.gz?{HIDDEN} (denied)"),
    "proxy http://jane:pass%20word@proxy:3128/ failed": f"proxy http://{HIDDEN}@proxy:3128/ failed",
    "https://hf_token1234567890@hub/x?download=true": f"https://{HIDDEN}@hub/x?download=true",
    f"the key {KEY} is unknown": f"the key {HIDDEN} is unknown",
    f"aws_secret_access_key = {SECRET}": f"aws_secret_access_key = {HIDDEN}",
    f"AWS_SECRET_ACCESS_KEY={SECRET}, region": f"AWS_SECRET_ACCESS_KEY={HIDDEN}, region",
    '{"session_token": "FwoGZXIvYXdzE", "a": 1}': f'{{"session_token": "{HIDDEN}", "a": 1}}',
    "Authorization: Bearer abcdefghijklmnop123": f"Authorization: Bearer {HIDDEN}",
    "token hf_abcdefghijklmnopqrst is not valid": f"token {HIDDEN} is not valid",
    "password: fly": f"password: {HIDDEN}",
    "ghp_0123456789abcdefghij0123": HIDDEN,
    f"{SIGNED}\nsecond line": f"https://b.s3.amazonaws.com/m.tar.gz?{HIDDEN}\nsecond line",
}
HARMLESS = [
    "https://download.pytorch.org/models/resnet50-11ad3fa6.pth", "s3://flies/flystage/objects/0a1b.png", "see https://x.org/?page=2#top",
    "TokenRetrievalError: Error when retrieving token from sso", "raw/060/Stage(060)-20230811-Cycle00-embryo03-3.tif",
    "name_pattern: (?P<embryo>E\\d+)_t(?P<stage>\\d+)", "epoch 3 train_loss=0.1 val_loss=0.2", "basic settings of the network", "a@b.c",
    "arn:aws:iam::123456789012:role/flystage-jobs", "keys: [a, b]", "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f0",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_credentials_are_hidden(text):
    assert without_credentials(text) == TEXTS[text]


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_unchanged(text):
    assert without_credentials(text) == text


def test_values_of_secret_environment_variables_are_hidden(monkeypatch):
    monkeypatch.setenv("LAB_API_KEY", "correct-horse")
    monkeypatch.setenv("SHORT_TOKEN", "fly")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token")
    monkeypatch.setenv("COLOUR", "vermilion")
    text = "refused correct-horse of fly in /var/run/secrets/token, vermilion"
    assert without_credentials(text) == f"refused {HIDDEN} of fly in /var/run/secrets/token, vermilion"


@given(st.text())
def test_hiding_credentials_twice_changes_nothing(text):
    once = without_credentials(text)
    assert without_credentials(once) == once


@pytest.mark.parametrize(
    ("folders", "text", "shown"),
    [
        (["/home/jane/raw"], "/home/jane/raw/060/a.tif", "raw/060/a.tif"),
        (["/home/jane/raw"], "same bytes as /home/jane/raw/a.tif", "same bytes as raw/a.tif"),
        (["/home/jane/raw"], "/home/jane/raw", "raw"),
        (["/home/jane/raw"], "/home/jane/raw2/a.tif", "/home/jane/raw2/a.tif"),
        (["/raw"], "/other/raw/a.tif", "/other/raw/a.tif"),
        (["raw", "mails/may"], "raw/a.tif", "raw/a.tif"),
        (["../jane/may"], "../jane/may/a.tif", "may/a.tif"),
        (["/jane/2025/raw", "/jane/2026/raw"], "/jane/2026/raw/a.tif", "2026/raw/a.tif"),
        (["/jane/2025/raw", "/jane/2026/raw", "/jane/more"], "/jane/more/a.tif", "more/a.tif"),
        (["/jane/raw", "raw"], "/jane/raw/a.tif", "jane/raw/a.tif"),
        (["/jane/raw", "/jane/raw/more"], "/jane/raw/more/a.tif", "more/a.tif"),
        (["/"], "/a.tif", "/a.tif"),
        ([], "/home/jane/a.tif", "/home/jane/a.tif"),
    ],
)
def test_a_folder_elsewhere_is_shown_by_its_last_name(folders, text, shown):
    assert places_shown(folders)(text) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/jane/w.pth", "w.pth"),
        ("../w.pth", "w.pth"),
        ("weights/w.pth", "weights/w.pth"),
        ("imagenet", "imagenet"),
    ],
)
def test_a_file_elsewhere_is_shown_by_its_name(path, shown):
    assert file_shown(path) == shown
