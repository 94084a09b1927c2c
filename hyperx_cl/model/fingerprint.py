"""Fingerprints: one SHA-256 over named tensors, so that what does not belong together is refused."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from platformdirs import user_cache_path
from torch import Tensor

from hyperx_cl.writing import shared


def fingerprint(tensors: Mapping[str, Tensor], *, extra: str = "") -> str:
    """Hash tensors by name, shape and fp32 bytes.

    Args:
        tensors: Any order, any floating type; bf16 and fp32 copies of the same numbers hash alike.
        extra: Text that belongs to the identity, such as a configuration.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(extra.encode())
    for name in sorted(tensors):
        value = tensors[name].detach().to(device="cpu", dtype=torch.float32).contiguous()
        digest.update(f"\n{name} {tuple(value.shape)}\n".encode())
        digest.update(value.numpy().data.cast("B"))
    return digest.hexdigest()


def cached_fingerprint(tensors: Mapping[str, Tensor], *, stamp: str | None) -> str:
    """`fingerprint`, remembered on disk under a stamp (paths, sizes, times), for it takes seconds on a large backbone.

    Args:
        tensors: What to hash.
        stamp: Identity of the files the tensors came from; ``None`` hashes anew.
    """
    if stamp is None:
        return fingerprint(tensors)
    key = hashlib.sha256((stamp + json.dumps(sorted(tensors))).encode()).hexdigest()
    home = os.environ.get("HYPERX_HOME")
    file = (Path(home) / "cache" if home else user_cache_path("hyperx-cl")) / "fingerprints" / f"{key}.txt"
    try:
        known = file.read_text(encoding="ascii").strip()
        if len(known) == 64:
            return known
    except (OSError, UnicodeDecodeError):
        pass
    value = fingerprint(tensors)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with shared(file) as temporary:
            temporary.write_text(value, encoding="ascii")
    except OSError:
        pass  # a cache that cannot be written costs seconds, nothing else
    return value
