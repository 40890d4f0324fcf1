#!/usr/bin/env bash
# Snakemake 9.27.1 makes no missing file of the rule named with --until if that rule follows a checkpoint that has run.
#
# Rule b makes b.1.txt and b.2.txt from the output of a, and c needs both. b.2.txt and c.txt are deleted. `--until b` then makes
# b.2.txt if a is a rule. If a is a checkpoint, Snakemake says that nothing is to be done and exits with 0. It updates its graph after
# the checkpoint, when --until has already removed c, so that no job asks for the missing file. Without --until it is made.
#
# Output seen:
#   rule, --until b: b.2.txt made
#   checkpoint, --until b: b.2.txt missing
#   checkpoint: b.2.txt made
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet snakemake==9.27.1

try() { # kind of a, then options
    mkdir "$folder/work"
    cat > "$folder/work/Snakefile" <<SNAKEFILE
rule all:
    input:
        "c.txt",


$1 a:
    output:
        "a.txt",
    shell:
        "touch {output}"


rule b:
    input:
        "a.txt",
    output:
        "b.{n}.txt",
    shell:
        "touch {output}"


rule c:
    input:
        "b.1.txt",
        "b.2.txt",
    output:
        "c.txt",
    shell:
        "touch {output}"
SNAKEFILE
    (
        cd "$folder/work"
        "$folder/venv/bin/snakemake" --cores 1 --quiet all
        rm b.2.txt c.txt
        "$folder/venv/bin/snakemake" --cores 1 --quiet all "${@:2}"
    ) > "$folder/log" 2>&1
    echo "$1${2:+, ${*:2}}: b.2.txt $([ -e "$folder/work/b.2.txt" ] && echo made || echo missing)"
    rm -r "$folder/work"
}

{ try rule --until b; try checkpoint --until b; try checkpoint; } > "$folder/seen"
cat "$folder/seen"
diff - "$folder/seen" <<'SEEN'
rule, --until b: b.2.txt made
checkpoint, --until b: b.2.txt missing
checkpoint: b.2.txt made
SEEN
