"""What is sent to a container, and that nothing local needs it."""

import io
import re
import tarfile
from pathlib import Path

from flystage.cloud import source
from flystage.run.code_versions import LIBRARY, modules_of

REPOSITORY = Path(__file__).parents[3]


def test_an_archive_depends_on_content_alone_and_holds_what_the_adapter_uses(tmp_path):
    files = source.source_files("training/train.py", "requirements.txt")
    assert source.archive(files) == source.archive(dict(reversed(list(files.items()))))
    with tarfile.open(fileobj=io.BytesIO(source.archive(files))) as tar:
        names = set(tar.getnames())
    assert {"train.py", "requirements.txt", "flystage/__init__.py", "flystage/jobs/execution.py"} <= names
    assert not [name for name in names if "cloud" in name or "report" in name]
    assert "flystage/prediction/serving.py" in source.source_files("inference/inference.py")


def test_local_rules_use_nothing_of_aws():
    scripts = list((REPOSITORY / "workflow/scripts").glob("*.py"))
    local = [path for path in scripts if not re.search(r"sagemaker|endpoint|aws", path.name)]
    assert len(scripts) - len(local) == 5
    library = [path for path in LIBRARY.rglob("*.py") if path.parent != LIBRARY / "cloud"]
    for script in [*local, *library]:
        for path in [script, *map(Path, modules_of(script))]:
            assert not re.search(r"^\s*(import|from) (boto|sagemaker)", path.read_text(), re.MULTILINE), (script, path)
