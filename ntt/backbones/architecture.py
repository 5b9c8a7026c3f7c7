"""The sizes that tell one vision transformer from another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """What a backbone's config says about its network.

    Attributes:
        width: channels D.
        depth: transformer blocks.
        heads: attention heads of a block.
        ffn: feed-forward network of a block, "mlp" or "swiglu".
        registers: register tokens.
        patch_size: side of a patch in pixels.
    """

    width: int
    depth: int
    heads: int
    ffn: str
    registers: int
    patch_size: int

    def __str__(self) -> str:
        return (
            f"width {self.width}, depth {self.depth}, ffn {self.ffn}, "
            f"registers {self.registers}, patch_size {self.patch_size}"
        )
