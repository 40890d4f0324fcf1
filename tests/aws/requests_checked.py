"""Check a request against botocore's model of the service, more strictly than botocore does before sending."""

import re

import botocore.session
from botocore.validate import ParamValidator

MODEL = botocore.session.get_session().get_service_model("sagemaker")


def problem(operation, parameters):
    """Return the errors in the parameters of a SageMaker operation as text, or "" if there are none."""
    shape = MODEL.operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        return report.generate_report()
    return "; ".join(_broken(parameters, shape, operation))


def _broken(value, shape, where):
    """Yield violations of patterns, lengths, ranges and lists of choices, which botocore does not check."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _broken(value[name], member, f"{where}.{name}")
    elif shape.type_name == "list":
        yield from _outside(len(value), shape, f"the length of {where}")
        for place, entry in enumerate(value):
            yield from _broken(entry, shape.member, f"{where}[{place}]")
    elif shape.type_name == "map":
        yield from _outside(len(value), shape, f"the length of {where}")
        for key, entry in value.items():
            yield from _broken(key, shape.key, f"a key of {where}")
            yield from _broken(entry, shape.value, f"{where}[{key}]")
    elif shape.type_name == "string":
        yield from _outside(len(value), shape, f"the length of {where}")
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{where}: {value!r} is not one of the choices"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(_python(pattern), value):
            yield f"{where}: {value!r} does not fit {pattern}"
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _outside(value, shape, where)


def _outside(number, shape, where):
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and number < low) or (high is not None and number > high):
        yield f"{where} is {number}, not from {low} to {high}"


def _python(pattern):
    """Return a pattern of the model, which is written for Java, in Python's syntax."""
    return pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", r"\s")
