"""Finds the vendors: every subpackage whose `api` module names its class as `VENDOR`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil

import contact_sandbox
from contact_sandbox.vendor import Vendor


def vendor_names() -> list[str]:
    """Return the names of the vendor packages that exist, sorted."""
    packages = [found.name for found in pkgutil.iter_modules(contact_sandbox.__path__, "")]
    return sorted(
        name for name in packages if _is_package(name) and _has_api(f"contact_sandbox.{name}")
    )


def _is_package(name: str) -> bool:
    """Tell whether a submodule is a package."""
    spec = importlib.util.find_spec(f"contact_sandbox.{name}")
    return spec is not None and spec.submodule_search_locations is not None


def _has_api(package: str) -> bool:
    """Tell whether a package has an `api` module."""
    return importlib.util.find_spec(f"{package}.api") is not None


def vendor_class(name: str) -> type[Vendor]:
    """Return the class of the vendor `name`.

    Raises:
        LookupError: There is no such vendor, or its `api` module has no `VENDOR`.
    """
    if name not in vendor_names():
        message = f"no vendor {name!r}; there are {', '.join(vendor_names())}"
        raise LookupError(message)
    found = getattr(importlib.import_module(f"contact_sandbox.{name}.api"), "VENDOR", None)
    if isinstance(found, type) and issubclass(found, Vendor):
        return found
    message = f"contact_sandbox.{name}.api has no VENDOR"
    raise LookupError(message)
