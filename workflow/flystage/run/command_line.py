"""Check the command line for options of which Snakemake drops a part in silence."""

import shlex

from flystage.core.errors import FlystageError

# Options that take several values. Given twice, only the last one counts.
WITH_VALUES = {
    "--configfile": ("--configfiles",),
    "--config": ("-C",),
    "--forcerun": ("-R",),
    "--until": ("-U",),
    "--omit-from": ("-O",),
    "--set-resources": (),
    "--set-threads": (),
    "--default-resources": ("--default-res",),
}
SPELLINGS = {spelling: name for name, others in WITH_VALUES.items() for spelling in (name, *others)}


def refuse_dropped_values(arguments):
    """Raise FlystageError if an option is given twice, with the one option to type. arguments: words after `snakemake`."""
    values, current = {}, None
    for word in arguments:
        spelling, equals, value = word.partition("=")
        if word.startswith("-") and not _is_number(word):
            current = _option(spelling)
            if current:
                values.setdefault(current, []).append([value] if equals else [])
        elif current:
            values[current][-1].append(word)
    for name, given in values.items():
        if len(given) > 1:
            joined = shlex.join(value for part in given for value in part)
            raise FlystageError(
                f"{name} is given {len(given)} times, and Snakemake reads only the last. Write all values behind one: {name} {joined}"
            )


def has_option(arguments, name):
    """Return whether the command line has an option of WITH_VALUES, in any spelling. arguments: words after `snakemake`."""
    return any(word.startswith("-") and _option(word.partition("=")[0]) == name for word in arguments)


def _option(spelling):
    """Return the name of an option in WITH_VALUES, which may be abbreviated as Snakemake allows it; None for other options."""
    if spelling in SPELLINGS:
        return SPELLINGS[spelling]
    if spelling[:2] in SPELLINGS and not spelling.startswith("--"):  # as in -Cnote=x
        return SPELLINGS[spelling[:2]]
    names = {name for full, name in SPELLINGS.items() if full.startswith(spelling) and len(spelling) > len("--c")}
    return names.pop() if len(names) == 1 else None


def _is_number(word):
    return word.lstrip("-").replace(".", "", 1).isdecimal()
