"""Finds the families: every folder of ``genapp/families`` whose ``spec.py`` holds a ``SPEC``."""

import importlib
import pkgutil
from functools import cache

from genapp import families
from genapp.errors import UserError
from genapp.spec import FamilySpec


@cache
def all_families() -> dict[str, FamilySpec]:
    """Family name → spec, in alphabetical order."""
    names = sorted(m.name for m in pkgutil.iter_modules(families.__path__) if m.ispkg)
    specs = [importlib.import_module(f"genapp.families.{n}.spec").SPEC for n in names]
    return {spec.name: spec for spec in specs}


def get(name: str) -> FamilySpec:
    """The spec of ``name``; an unknown name raises :class:`UserError` that lists the known ones."""
    known = all_families()
    if name not in known:
        raise UserError(f"Unknown family {name!r}", f"choose one of {', '.join(known)}.")
    return known[name]
