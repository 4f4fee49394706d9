"""Validation errors as sentences: what is wrong, in which line and key, what to do.

pydantic names a place by its model's view: with the alternatives of unions, and with what validators made of
the value. Here each location is walked through the data and the annotations together, so that it ends up
as the path that the reader wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import core_schema

from ftbench.benchfile.document import Document, KeyPath, Place, dotted, scalar
from ftbench.benchfile.walk import ABSENT, Walk, choices_of, fields_of
from ftbench.errors import nearest

SHOWN = 10
"""Problems told in full; the rest are counted."""

_KINDS = {
    "a whole number": "int_type int_parsing int_from_float int_parsing_size",
    "a number": "float_type float_parsing",
    "true or false": "bool_type bool_parsing",
    "text": "string_type string_unicode string_sub_type bytes_type path_type",
    "a list": "list_type tuple_type set_type frozen_set_type iterable_type",
    "a mapping": "dict_type mapping_type model_type model_attributes_type dataclass_type named_tuple_type",
    "null": "none_required",
}
_KIND_OF = {error: kind for kind, errors in _KINDS.items() for error in errors.split()}
_LIMITS = {
    "greater_than": "be greater than {gt}",
    "greater_than_equal": "be at least {ge}",
    "less_than": "be less than {lt}",
    "less_than_equal": "be at most {le}",
    "multiple_of": "be a multiple of {multiple_of}",
    "finite_number": "be a finite number",
    "string_pattern_mismatch": "match the pattern {pattern}",
}
_LENGTHS = {
    "string_too_short": ("at least", "min_length", "characters"),
    "string_too_long": ("at most", "max_length", "characters"),
    "too_short": ("at least", "min_length", "entries"),
    "too_long": ("at most", "max_length", "entries"),
}
# A strict model takes no list for these, and YAML has nothing else to offer.
_UNWRITABLE = ("tuple_type", "set_type", "frozen_set_type")
_SINGULAR = {"characters": "character", "entries": "entry"}
_YES_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
# "Input should be…", "Decimal input should…", "List should…": the key already names the subject.
_SUBJECT = re.compile(r"(?:Input|[A-Z]\w*(?: input| items| scheme)?) should ")
_ASIDE = re.compile(r"(?: following the rules at|, see)? https?://\S+")
_OWN = frozenset(get_args(core_schema.ErrorType))
_PLAIN = {"dictionary": "mapping", "a valid ": "a ", "validation ": "", "Field ": "this ", " literal": ""}


@dataclass(frozen=True)
class _Problem:
    """One complaint, in the data's terms."""

    path: KeyPath
    """In the document; of a missing or unknown key, its own."""
    error: str
    tags: tuple[tuple[int, str], ...] = ()
    """Alternatives of unions on the way: (length of the path there, pydantic's name of the alternative)."""
    must: str = ""
    """What follows "must", when the value is to blame."""
    told: str = ""
    """A sentence that stands by itself."""
    value: Any = None
    choices: tuple[Any, ...] = ()
    """Values that a literal allows, or the keys that stand where an unknown one was found."""
    note: str = ""
    """What a missing key means; which keys a wanted mapping has."""

    @property
    def misfit(self) -> bool:
        """The value is of another type than wanted: in a union, another alternative may be meant."""
        foreign = self.error == "literal_error" and type(self.value) not in {type(c) for c in self.choices}
        return self.error in _KIND_OF or foreign


def explain(error: ValidationError, document: Document, model: type[BaseModel], prefix: KeyPath = ()) -> str:
    """What ``model`` found wrong in ``document``: one line a problem, in the order of the file.

    ``prefix`` is where the validated data stands in the document, when it is not the whole.
    """
    found = [
        _problem(entry, document, model, prefix)
        for entry in error.errors(include_url=False)
        if entry["type"] != "default_factory_not_called"  # follows from another error
    ]
    placed: dict[tuple[KeyPath, str], tuple[Place, _Problem]] = {}
    for problem in _missing_together(_alternatives(found, 0)):
        about = (problem.path, problem.told or problem.must)
        placed.setdefault(about, (document.place(problem.path), problem))
    ordered = sorted(placed.values(), key=lambda at: (at[0].file, at[0].line, at[0].column))
    lines = [f"{place}: {_sentence(problem)}" for place, problem in ordered[:SHOWN]]
    if (rest := len(ordered) - SHOWN) > 0:
        lines.append(f"and {rest} more problem{'s' if rest > 1 else ''}")
    return "\n".join(lines)


def _problem(entry: Any, document: Document, model: type[BaseModel], prefix: KeyPath) -> _Problem:
    error, location = entry["type"], list(entry["loc"])
    key = location.pop() if error in ("missing", "extra_forbidden") and location else ""
    walk = Walk(model, _at(document.data, prefix), prefix)
    for part in location:
        walk.step(part)
    of_key = location[-1:] == ["[key]"]
    value = entry.get("input") if walk.value is ABSENT or of_key else walk.value
    here = _Problem(walk.path, error, tuple(walk.tags), value=value)
    if error == "missing":
        notes = [field.description or "" for m in walk.members if (field := fields_of(m).get(str(key)))]
        return replace(here, path=(*walk.path, key), note=(notes or [""])[0])
    if error == "extra_forbidden":
        known = tuple(name for m in walk.members for name in fields_of(m))
        return replace(here, path=(*walk.path, key), choices=known)
    if error.startswith("union_tag"):
        return _wrong_tag(here, entry["ctx"])
    here = _wrong_value(here, walk.members, entry.get("ctx", {}), entry["msg"])
    if of_key and here.must:
        owner = dotted(walk.path[:-1]) or "the file"
        return replace(here, told=f"the key {dotted(walk.path[-1:])} of {owner} must {here.must}")
    return here


def _wrong_value(here: _Problem, members: list[Any], context: Mapping[str, Any], message: str) -> _Problem:
    error = here.error
    if error in ("literal_error", "enum"):
        choices = choices_of(members)
        return replace(here, must=_one_of(choices) or f"be {context['expected']}", choices=choices)
    if error in ("value_error", "assertion_error"):
        words = " ".join(str(context.get("error", "")).split("\n")).strip()
        return replace(here, told=_about(here.path, words or "this is not accepted"))
    if error == "is_instance_of" or (error in _UNWRITABLE and isinstance(here.value, list)):
        kind = context.get("class", error.removesuffix("_type"))
        told = f"its type {kind} cannot come from a file; the author should declare text, a number or a list"
        return replace(here, told=_about(here.path, told))
    if error not in _OWN:
        return replace(here, told=_about(here.path, message))
    if must := _must(error, context, message):
        keys = list(dict.fromkeys(name for m in members for name in fields_of(m)))
        single = must == "be a mapping" and keys and len(members) == 1
        return replace(here, must=must, note=_keys(keys) if single else "")
    return replace(here, told=_about(here.path, re.sub(r"^Input\b", "this", _plain(message))))


def _must(error: str, context: Mapping[str, Any], message: str) -> str:
    if error in _KIND_OF:
        return f"be {_KIND_OF[error]}"
    if error in _LIMITS:
        return _LIMITS[error].format(
            **{name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in context.items()}
        )
    if error in _LENGTHS:
        bound, key, unit = _LENGTHS[error]
        return f"have {bound} {context[key]} {_SINGULAR[unit] if context[key] == 1 else unit}"
    return _SUBJECT.sub("", _plain(message)) if _SUBJECT.match(message) else ""


def _plain(message: str) -> str:
    """An error without a sentence of its own, in this module's words."""
    for term, word in _PLAIN.items():
        message = message.replace(term, word)
    return " ".join(_ASIDE.sub("", message).split("\n"))


def _wrong_tag(here: _Problem, context: Mapping[str, Any]) -> _Problem:
    named = re.fullmatch("'(.*)'", context["discriminator"])
    path = (*here.path, named[1]) if named else here.path
    if here.error == "union_tag_not_found":
        return replace(here, path=path, error="missing" if named else here.error, must="be of a known kind")
    choices = tuple(re.findall("'([^']*)'", context["expected_tags"]))
    return replace(here, path=path, must=_one_of(choices), choices=choices, value=context["tag"])


def _alternatives(problems: list[_Problem], level: int) -> list[_Problem]:
    """Of each union, the complaint of the alternative that was meant, or one that joins them all."""
    kept: list[_Problem] = []
    unions: dict[KeyPath, dict[str, list[_Problem]]] = {}
    for problem in problems:
        if len(problem.tags) <= level:
            kept.append(problem)
        else:
            length, tag = problem.tags[level]
            unions.setdefault(problem.path[:length], {}).setdefault(tag, []).append(problem)
    for path, by_tag in unions.items():
        options = [_alternatives(inner, level + 1) for inner in by_tag.values()]
        kept += options[0] if len(options) == 1 else _fitting(path, options)
    return kept


def _fitting(path: KeyPath, options: list[list[_Problem]]) -> list[_Problem]:
    # What looked inside the value, or whose validator spoke, is nearer than what wants another type.
    entered = [option for option in options if not all(p.path == path and p.must for p in option)]
    if len(entered) == 1:
        return entered[0]
    if entered:
        kinds = [{p.path: p for p in option if p.error == "literal_error"} for option in entered]
        if common := [found for at, found in kinds[0].items() if all(at in others for others in kinds)]:
            choices = tuple(dict.fromkeys(c for others in kinds for c in others[common[0].path].choices))
            return [replace(common[0], must=_one_of(choices), choices=choices)]
        return min(entered, key=lambda option: (sum(p.error == "literal_error" for p in option), len(option)))
    at_it = [problem for option in options for problem in option]
    if not all(problem.must.startswith("be ") for problem in at_it):
        at_it = [problem for problem in at_it if not problem.misfit] or at_it
    must = "be " + _joined(list(dict.fromkeys(p.must.removeprefix("be ") for p in at_it)), "or")
    nearer = next((problem for problem in at_it if not problem.misfit), at_it[0])
    choices = tuple(dict.fromkeys(choice for problem in at_it for choice in problem.choices))
    return [replace(nearer, must=nearer.must if not nearer.must.startswith("be ") else must, choices=choices, note="")]


def _missing_together(problems: list[_Problem]) -> list[_Problem]:
    """Missing keys of one mapping in one sentence, without those that an unknown key was meant to be."""
    missing: dict[KeyPath, list[_Problem]] = {}
    for problem in problems:
        if problem.error == "missing":
            missing.setdefault(problem.path[:-1], []).append(problem)
    for problem in problems:
        lacked = missing.get(problem.path[:-1]) if problem.error == "extra_forbidden" else None
        if lacked and (meant := nearest(str(problem.path[-1]), [str(p.path[-1]) for p in lacked])):
            lacked[:] = [p for p in lacked if str(p.path[-1]) != meant[0]]
    together = []
    for parent, lacked in missing.items():
        names = [dotted(p.path[-1:]) for p in lacked]
        if len(names) == 1:
            note = f" ({lacked[0].note})" if lacked[0].note else ""
            told = f"{dotted(parent) or 'the file'} lacks the key {names[0]}{note}; add it"
        else:
            told = f"{dotted(parent) or 'the file'} lacks the keys {_joined(names, 'and')}; add them"
        together += [replace(lacked[0], told=told)] if lacked else []
    return [p for p in problems if p.error != "missing"] + together


def _sentence(problem: _Problem) -> str:
    if problem.told:
        return problem.told
    if problem.error == "extra_forbidden":
        key, owner = str(problem.path[-1]), dotted(problem.path[:-1]) or "the file"
        names = [str(name) for name in dict.fromkeys(problem.choices)]
        if meant := nearest(key, names):
            remedy = f"did you mean {_joined(meant, 'or')}?"
        else:
            remedy = _keys(names) if names else "remove it"
        return f"{owner} has no key {dotted((key,))}; {remedy}"
    about = dotted(problem.path) or "the file"
    hint = _hint(problem.must, problem.value, problem.choices) or problem.note
    return f"{about} must {problem.must}, got {_shown(problem.value)}{f'; {hint}' if hint else ''}"


def _hint(must: str, value: Any, choices: tuple[Any, ...]) -> str:
    if value is None:
        return "give it a value, or remove the key"
    if isinstance(value, str):
        meant = nearest(value, [choice for choice in choices if isinstance(choice, str)], count=1)
        return f"did you mean {meant[0]}?" if meant else _unquoted(must, value)
    if isinstance(value, float) and "a whole number" in must and value.is_integer():
        return f"write {int(value)}"
    return "put it in quotes" if isinstance(value, bool | int | float) and "text" in must else ""


def _unquoted(must: str, text: str) -> str:
    """How to write a number or a truth value that came as text."""
    try:
        meant = scalar(_YES_NO.get(text.lower(), text.strip().replace("_", "")))
    except ValueError:
        return ""
    kinds = {int: ("a whole number", "a number"), float: ("a number",), bool: ("true or false",)}
    if not any(kind in must for kind in kinds.get(type(meant), ())):
        return ""
    return f"write {_shown(meant)}" + ("" if "_" in text or text.lower() in _YES_NO else " without quotes")


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return repr(value) if len(value) <= 60 else f"{value[:59]!r}…"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        return f"a mapping of {_joined([dotted((key,)) for key in value], 'and')}" if value else "an empty mapping"
    return re.sub("(inf|nan)$", r".\1", str(value)) if isinstance(value, int | float) else f"a {type(value).__name__}"


def _one_of(choices: Sequence[Any]) -> str:
    shown = [_shown(choice) for choice in choices]
    return f"be {'one of ' if len(shown) > 1 else ''}{_joined(shown, 'or')}" if shown else ""


def _joined(words: Sequence[str], last: str, most: int = 20) -> str:
    words = [*words[:most], f"{len(words) - most} more"] if len(words) > most else words
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _keys(names: Sequence[str]) -> str:
    return f"its {'keys are' if len(names) > 1 else 'key is'} {_joined(names, 'and')}"


def _about(path: KeyPath, told: str) -> str:
    return f"{dotted(path)}: {told}" if path else told


def _at(value: Any, path: KeyPath) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return value
