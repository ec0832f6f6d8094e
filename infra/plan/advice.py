"""What is allowed, and yet worth a word before it is paid for."""

from __future__ import annotations

from collections.abc import Iterator

from infra.hardware.frameworks import Support
from infra.settings import GoogleSettings


def warnings(settings: GoogleSettings) -> Iterator[str]:
    """A sentence for each thing that may not do what is expected of it, with its key."""
    for kind in ("tpu_slices", "tpu_vms", "tpu_queues"):
        for index, each in enumerate(getattr(settings, kind)):
            generation = each.shape.generation
            if each.framework == "tensorflow" and generation.tensorflow is Support.UNPROVEN:
                yield (
                    f"google.{kind}[{index}] {each.name}: TensorFlow on {generation.key} is unproven: "
                    f"{generation.tensorflow_note}. Try one slice before you reserve many."
                )
