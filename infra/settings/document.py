"""Reads a stack file's YAML as Pulumi does: no key twice. What is wrong is told by line and column, in plain words."""

from __future__ import annotations

import re
from typing import Any

import yaml

IN_PLAIN_WORDS = (
    (r"found character '\\t'", "a tab; indent with spaces"),
    (r"mapping values are not allowed", "a colon where none can be; put the text in quotes, or mend the indentation"),
    (r"could not find expected ':'", "a key without a colon, or a line that is not indented far enough"),
    (r"expected <block end>", "indented otherwise than the lines above it"),
    (r"expected ',' or '[\]}]'", "a list or section in brackets that does not end, or lacks a comma"),
    (r"expected the node content, but found '<stream end>'", "the file ends before a value does; close the bracket"),
    (r"found unexpected end of stream", "the file ends inside quotes; close them"),
    (r"found undefined alias", "a name after * that no & gives; put a text that begins with * in quotes"),
    (r"could not determine a constructor for the tag", "a text that begins with !; put it in quotes"),
    (r"found character '[@`%]'", "a text that begins with @, ` or %; put it in quotes"),
)
"""What PyYAML says (a pattern), and what it means for a person."""


class NotReadable(Exception):
    """The text cannot be read; the message says where and why."""


def read(text: str) -> Any:
    """The values of one YAML document. Raises NotReadable."""
    try:
        return _Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        raise NotReadable(
            f"not YAML{_place(error.problem_mark)}: {_plain(error.problem or 'it cannot be read')}"
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotReadable(f"not YAML in line {line}: a character that no text may have; remove it") from error
    except ValueError as error:  # what looks like a date and is none
        raise NotReadable(f"not YAML: {error}; put what is no date in quotes") from error


def _place(mark: yaml.Mark | None) -> str:
    return f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _plain(problem: str) -> str:
    return next((words for pattern, words in IN_PLAIN_WORDS if re.search(pattern, problem)), problem)


class _Loader(yaml.SafeLoader):
    """Plain YAML takes the last of two equal keys in silence; the engine refuses them, and so does this."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                if key.value in seen:
                    raise NotReadable(
                        f"{key.value} is there twice, in line {seen[key.value]} and line {line}; keep one"
                    )
                seen[key.value] = line
        return node
