"""Mistakes are put into words for any model: lists, limits, and sections of one kind out of several."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from workloads import mistakes
from workloads.spec import Section


class Cat(Section):
    kind: Literal["cat"] = Field(description="It purrs.")
    lives: int = Field(default=9, ge=1, le=9, description="Lives that are left.")


class Dog(Section):
    kind: Literal["dog"] = Field(description="It barks.")
    tricks: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        default=(1,), strict=False, min_length=1, max_length=2, description="Numbers of tricks."
    )
    tame: bool = Field(default=True, description="Whether it may be touched.")


class House(Section):
    pets: tuple[Annotated[Cat | Dog, Field(discriminator="kind")], ...] = Field(strict=False, description="Who is in.")
    warm: float = Field(default=0.5, gt=0, lt=1, description="Share of rooms that are warm.")
    floors: int = Field(default=1, le=3, description="Floors.")
    rooms: tuple[str, ...] = Field(default=(), strict=False, description="Names of rooms.")
    region: str = Field(default="us-central1", pattern=r"^[a-z]+-[a-z]+\d+$", description="Where it stands.")
    guard: Annotated[Cat | Dog, Field(discriminator="kind")] = Field(
        default=Dog(kind="dog"), description="Who is at the door."
    )


ALLOWED = "Allowed: cat, dog."
SAID = [
    ({"pets": [{"kind": "cat", "lives": 0}]}, "pets[0].lives = 0", "Lives that are left. Allowed: 1 to 9. Default: 9."),
    ({"pets": [{"kind": "cow"}]}, 'pets[0].kind = "cow"', f"Who is in. {ALLOWED}"),
    ({"pets": [{"kind": "dgo"}]}, 'pets[0].kind = "dgo"', "Did you mean dog?"),
    ({"pets": [{"kind": "DOG"}]}, 'pets[0].kind = "DOG"', "Did you mean dog?"),
    ({"pets": [], "guard": {"lives": 3}}, "guard.kind is missing", f"{ALLOWED} Did you mean cat?"),
    ({"pets": [], "guard": {}}, "guard.kind is missing", ALLOWED),
    ({"pets": [], "guard": "dog"}, 'guard = "dog"', f"{ALLOWED} Write {{kind: dog}}."),
    ({"pets": [], "guard": "Dog"}, 'guard = "Dog"', "Write {kind: dog}."),
    ({"pets": ["dog"]}, 'pets[0] = "dog"', "must be a section with a kind."),
    (
        {"pets": [], "guard": {"kind": "cat", "tame": True}},
        "guard.tame = true",
        "no key of kind cat, but of dog; change kind, or leave tame out.",
    ),
    ({"pets": [], "guard": {"kind": "cat", "lifes": 3}}, "guard.lifes = 3", "Did you mean lives?"),
    ({"pets": [], "guard": {"kind": "dog", "tricks": [0]}}, "guard.tricks[0] = 0", "Allowed: more than 0."),
    ({"pets": [], "guard": {"kind": "dog", "tricks": []}}, "guard.tricks = []", "must not be empty."),
    ({"pets": [], "guard": {"kind": "dog", "tricks": [1, 2, 3]}}, "guard.tricks = [1, 2, 3]", "has more than 2."),
    ({"pets": [], "guard": {"kind": "dog", "tame": "no"}}, 'guard.tame = "no"', "Default: true."),
    ({"pets": [], "warm": 1.0}, "warm = 1.0", "Allowed: more than 0, less than 1. Default: 0.5."),
    ({"pets": [], "floors": 4}, "floors = 4", "Allowed: at most 3. Default: 1."),
    ({"pets": [], "rooms": "hall"}, 'rooms = "hall"', "must be a list. Write [hall]."),
    ({"pets": [], "region": "us-central1-a"}, 'region = "us-central1-a"', "that is a zone; its region is us-central1."),
    ({"pets": [], "region": "moon"}, 'region = "moon"', "not allowed. Where it stands."),
    ({}, "pets is missing", f"Who is in. {ALLOWED} Such as {{kind: cat}}."),
]


@pytest.mark.parametrize(("values", "what", "advice"), SAID, ids=[what for _, what, _ in SAID])
def test_one_mistake_is_told_once_by_the_path_that_a_person_reads(
    values: dict[str, Any], what: str, advice: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        House.model_validate(values)
    (mistake,) = mistakes.explain(House, caught.value)
    assert mistake.what == what
    assert advice in mistake.problem


def test_two_wrong_items_of_a_list_are_two_mistakes() -> None:
    with pytest.raises(ValidationError) as caught:
        House.model_validate({"pets": [], "guard": {"kind": "dog", "tricks": [0, "sit"]}})
    assert [each.what for each in mistakes.explain(House, caught.value)] == [
        "guard.tricks[0] = 0",
        'guard.tricks[1] = "sit"',
    ]
