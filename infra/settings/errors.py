"""The error for the person who has to mend a stack file."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from workloads import mistakes

PROJECT = "ai-datacenter"


class SettingsError(Exception):
    """One or more mistakes in a stack file, each told once. The message names the file."""

    @classmethod
    def at(cls, file: str, path: str, value: Any, problem: str) -> SettingsError:
        """A single mistake. ``path`` is the key below the project's name."""
        return cls._telling(file, [mistakes.at(path, value, problem)])

    @classmethod
    def of(cls, file: str, model: type[BaseModel], error: ValidationError) -> SettingsError:
        """Every mistake that validation found."""
        return cls._telling(file, mistakes.explain(model, error))

    @classmethod
    def _telling(cls, file: str, found: list[mistakes.Mistake]) -> SettingsError:
        return cls("\n".join(f"{file}: {PROJECT}:{each.what}\n  {each.problem}" for each in found))
