"""What a program gives as the kubeconfig of its provider: a path, or the content."""

from __future__ import annotations

from pathlib import Path

import yaml


def is_content(kubeconfig: str) -> bool:
    return "\n" in kubeconfig or kubeconfig.lstrip().startswith("{")


def text_of(kubeconfig: str) -> str:
    """Raises OSError when it is a path and nothing is there."""
    return kubeconfig if is_content(kubeconfig) else Path(kubeconfig).read_text()


def fault(kubeconfig: str) -> str:
    """Why it is no kubeconfig; "" when it is one. Nothing that it names is called."""
    try:
        content = yaml.safe_load(text_of(kubeconfig))
    except (yaml.YAMLError, OSError) as error:
        return f"no kubeconfig: {error}"
    needed = ("clusters", "contexts", "users")
    if not isinstance(content, dict) or not all(isinstance(content.get(name), list) for name in needed):
        return f"no kubeconfig: it has not all of {', '.join(needed)}"
    return ""
