# Report a user's errors as plain sentences, beginning with those in the configuration file.
from flystage.core.errors import FlystageError
from flystage.run.command_line import has_option, refuse_dropped_values
from flystage.run.config_files import check_config_file


def or_one_sentence(function, *arguments):
    """Return the function's result. A FlystageError ends Snakemake with its text."""
    try:
        return function(*arguments)
    except FlystageError as error:
        raise Mistake(str(error))


if workflow.is_main_process:
    or_one_sentence(refuse_dropped_values, sys.argv[1:])

# Snakemake names neither file nor line of a configuration that it cannot read. profiles/default checks --configfile.
or_one_sentence(check_config_file, f"{workflow.basedir}/config.yaml")
