"""Write the picture of the workflow into docs/method.md and the table of rules into CONTRIBUTING.md: `make docs`."""

import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import networkx
import yaml

REPOSITORY = Path(__file__).parents[1]
METHOD, CONTRIBUTING = REPOSITORY / "docs/method.md", REPOSITORY / "CONTRIBUTING.md"
SUPPORT = ("core", "run")  # rooms whose functions read, write and log for every script
READING = ("read_", "load_", "with_white")


def rules():
    """Return {rule: (its .smk file, names of the scripts it may run)}, in the order of the files of the workflow."""
    snakefile = (REPOSITORY / "Snakefile").read_text(encoding="utf-8")
    found = {}
    for included in re.findall(r'include: "(.+?)"', snakefile):
        text = (REPOSITORY / included).read_text(encoding="utf-8")
        for name, body in re.findall(r"^(?:rule|checkpoint) (\w+):\n((?:[ \t].*\n|\n)+)", text, re.MULTILINE):
            script = re.search(r'script:\s+f?"\.\./scripts/(.+)"', body)[1]
            found[name] = (Path(included).name, _choices(script, text))
    return found


def _choices(script, text):
    """Return the scripts that `script` stands for: itself, or all values of the constant that it names, as `{TUNE_SCRIPT}`."""
    constant = re.fullmatch(r"\{(\w+)\}", script)
    if not constant:
        return [script]
    assignment = re.search(rf"^{constant[1]} = (.+?\])$", text, re.MULTILINE | re.DOTALL)[1]
    return list(dict.fromkeys(re.findall(r'"(\w+\.py)"', assignment)))


def functions(script):
    """Return the functions of the library that do the work of a script, as `room/module.function`, in the order of their calls."""
    tree = ast.parse((REPOSITORY / "workflow/scripts" / script).read_text(encoding="utf-8"))
    origins = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("flystage."):
            for alias in node.names:
                origins[alias.asname or alias.name] = f"{node.module}.{alias.name}".split(".")[1:]
    called = []
    for node in sorted((n for n in ast.walk(tree) if isinstance(n, ast.Call)), key=lambda n: (n.lineno, n.col_offset)):
        path = ast.unparse(node.func).split(".")
        room, *rest = origins.get(path[0], [None]) + path[1:]
        if room not in (None, *SUPPORT) and not rest[-1].startswith(READING):
            called.append(f"{room}/{'.'.join(rest)}")
    return list(dict.fromkeys(called))


def table():
    """Return the table rule -> script -> functions as Markdown."""
    rows = ["| rule | in `workflow/rules` | script | functions of the library |", "|---|---|---|---|"]
    for rule, (file, scripts) in rules().items():
        for script in scripts:
            called = ", ".join(f"`{name}`" for name in functions(script))
            rows.append(f"| `{rule}` | `{file}` | `{script}` | {called} |")
    return "\n".join(rows)


def picture(rulegraph):
    """Return the graph of rules as Mermaid text, without arrows that follow from others.

    rulegraph: what `snakemake --rulegraph mermaid-js` prints.
    """
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]$", rulegraph, re.MULTILINE))
    arrows = re.findall(r"^\s*(id\d+) --> (id\d+)$", rulegraph, re.MULTILINE)
    graph = networkx.DiGraph((names[start], names[end]) for start, end in arrows)
    graph.remove_node("all")
    graph.add_edge("checkpoint", "predict")
    reduced = networkx.transitive_reduction(graph)
    ordered = list(networkx.lexicographical_topological_sort(reduced))
    lines = ["```mermaid", "flowchart TB", "    raw[(raw TIFs)] --> prepare", "    new[(new TIFs)] --> predict"]
    lines += [f"    {rule} --> {following}" for rule in ordered for following in sorted(reduced[rule])]
    return "\n".join([*lines, "```"])


def rulegraph_of_demo():
    """Return what `snakemake --rulegraph mermaid-js` prints for a few synthetic embryos."""
    with tempfile.TemporaryDirectory() as folder:
        drawing = [sys.executable, REPOSITORY / "demo/embryos.py", "raw", "--embryos", "3", "--no-droppings"]
        drawing += ["--minutes", "51", "69", "9", "--size", "222", "84"]
        subprocess.run(drawing, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        config = Path(folder, "config.yaml")
        config.write_text(yaml.safe_dump({"raw": ["raw"], "results": "results"}), encoding="utf-8")
        command = ["snakemake", "--snakefile", REPOSITORY / "Snakefile", "--rulegraph", "mermaid-js"]
        printed = subprocess.run(
            [*command, "--configfile", config], cwd=folder, check=True, capture_output=True, text=True
        )
        return printed.stdout


def marked(name, content):
    """Return `content` between the comments that mark a made part of a page."""
    return f"<!-- {name}: made by `make docs` -->\n\n{content}\n\n<!-- end of {name} -->"


def with_part(page, name, content):
    """Return the text of `page`, a path, with the marked part `name` replaced by `content`."""
    pattern = rf"<!-- {name}: .+?<!-- end of {name} -->"
    return re.sub(pattern, lambda _: marked(name, content), page.read_text(encoding="utf-8"), flags=re.DOTALL)


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    METHOD.write_text(with_part(METHOD, "workflow", picture(rulegraph_of_demo())), encoding="utf-8")
    CONTRIBUTING.write_text(with_part(CONTRIBUTING, "rules", table()), encoding="utf-8")
