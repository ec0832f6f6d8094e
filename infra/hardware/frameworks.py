"""Whether TensorFlow runs on an accelerator. The answer for each TPU generation stands on its row in ``tpu``."""

from __future__ import annotations

from enum import StrEnum

# The newest TensorFlow among Google's TPU VM images (tpu-vm-tf-*): Cloud TPU, 'TPU software versions'.
TPU_IMAGE_CEILING = "2.18.0"


class Support(StrEnum):
    """How far TensorFlow can be counted on.

    SUPPORTED:  documented by Google, with images.
    UNPROVEN:   no public statement that it works; try it before depending on it.
    REFUSED:    documented not to work.
    """

    SUPPORTED = "supported"
    UNPROVEN = "unproven"
    REFUSED = "refused"
