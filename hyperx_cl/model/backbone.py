"""The frozen multilingual transformer: loading it, finding the seats of adapters and LayerNorms in it, its fingerprint.

Its tensors are never written. What works on it from outside are forward hooks, which do nothing when switched off.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hyperx_cl.errors import ConflictError, DataError, UsageError
from hyperx_cl.model.accepted import expect_encoder
from hyperx_cl.model.fingerprint import cached_fingerprint
from hyperx_cl.model.heads import MaskedHead
from hyperx_cl.model.own_seats import own_seats
from hyperx_cl.model.planned import norms_of, read_config
from hyperx_cl.model.seats import SEATS, HeadPaths, head_activation, head_paths, head_tensors
from hyperx_cl.model.transformers_errors import plain_errors, quiet_transformers

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BackboneInfo:
    """What a model remembers of the backbone it was trained on.

    Args:
        id: Hub id it was loaded by, or the name of its folder without the way to it.
        revision: Commit on the Hub, or ``None`` for a folder.
        fingerprint: SHA-256 over the tensors in use, 64 hexadecimal digits.
        model_type: What transformers calls its type, such as ``bert``.
        layers: Layers, ``L``.
        hidden: Hidden width, ``h``.
        vocabulary: Rows of the word embeddings.
    """

    id: str
    revision: str | None
    fingerprint: str
    model_type: str
    layers: int
    hidden: int
    vocabulary: int


class Backbone:
    """A loaded backbone with its tokenizer. Deliberately no `nn.Module`: its weights belong to no state dict of ours.

    Args:
        masked_lm: A masked language model from transformers, in fp32, on the CPU.
        tokenizer: Its fast tokenizer.
        info: What `BackboneInfo` keeps.
        has_head: Whether the checkpoint brought an MLM head.
    """

    def __init__(self, masked_lm: nn.Module, tokenizer: Any, info: BackboneInfo, has_head: bool) -> None:
        self.info, self.tokenizer = info, tokenizer
        self.encoder: nn.Module = masked_lm.base_model  # type: ignore[assignment]
        self.config: Any = masked_lm.config
        self._head_paths = head_paths(masked_lm, info.model_type)
        self.head = head_tensors(masked_lm, self._head_paths) if has_head and self._head_paths else {}
        self._head_eps = _head_eps(masked_lm, self._head_paths)
        self.encoder.requires_grad_(False)
        self.encoder.eval()
        self.norms = norms_of(self.encoder)
        self._norm_values = {name: _copy(module.state_dict()) for name, module in self.norms.items()}

    @property
    def word_module(self) -> nn.Module:
        """The module that looks word embeddings up."""
        return self.encoder.get_input_embeddings()  # type: ignore[operator, no-any-return]

    @property
    def word_embeddings(self) -> Tensor:
        """The word embedding matrix, ``(vocabulary, h)``, frozen."""
        return self.word_module.weight  # type: ignore[return-value]

    @property
    def width(self) -> int:
        """Numbers in a word embedding, ``e``: the hidden width, except in types that project them up to it."""
        return self.word_embeddings.shape[1]

    @property
    def longest(self) -> int | None:
        """Pieces of the longest row it has positions for, special ones included; ``None`` where no table limits it."""
        for name, module in self.encoder.named_modules():
            if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
                # RoBERTa's positions, and those of its kin, start behind the padding's own.
                return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
        return None

    def expect_room(self, max_length: int) -> None:
        """Refuse rows that are longer than its table of positions, before a forward runs over its end.

        Args:
            max_length: Pieces of the longest row that will come, special ones included.

        Raises:
            UsageError: It cannot read them.
        """
        if self.longest is not None and max_length > self.longest:
            raise UsageError(
                f"max_length is {max_length}, but the backbone {self.info.id} reads at most {self.longest} pieces; "
                f"make it at most {self.longest}."
            )

    def sites(self, placement: str, adapter_site: str = "") -> list[nn.Module]:
        """The modules whose output the adapters read, one a layer.

        Args:
            placement: ``ffn`` or ``layer``, as the table has it for the type.
            adapter_site: A path of the user's own, with ``{i}``; goes before the table.

        Raises:
            UsageError: The type has no table, or the path leads nowhere or to something else.
        """
        info = self.info
        if adapter_site:
            return own_seats(self.encoder, adapter_site, layers=info.layers, hidden=info.hidden, name=info.id)
        expect_encoder(info.id, self.config, adapter_site)
        path: str = getattr(SEATS[info.model_type], placement)
        return [self.encoder.get_submodule(path.format(i=i)) for i in range(info.layers)]

    def layers(self, adapter_site: str = "") -> list[nn.Module]:
        """The layers, which every seat's path leads through.

        Args:
            adapter_site: As for `sites`, where it was found to be right.
        """
        before, _, _ = (adapter_site or SEATS[self.info.model_type].ffn).partition("{i}")
        return [self.encoder.get_submodule(f"{before}{i}") for i in range(self.info.layers)]

    def copy_norm(self, name: str) -> nn.LayerNorm:
        """A LayerNorm of ours that starts from the backbone's as it was loaded, in fp32; with a bias if it has one."""
        norm = self.norms[name]
        own = nn.LayerNorm(norm.normalized_shape, eps=norm.eps, bias=norm.bias is not None)
        own.load_state_dict(self._norm_values[name])
        return own

    def masked_head(self) -> MaskedHead:
        """An MLM head of ours, started from the backbone's where it has one, to be tied to its word embeddings."""
        return MaskedHead(
            self.head, hidden=self.info.hidden, width=self.width, vocabulary=self.info.vocabulary, eps=self._head_eps,
            activation=head_activation(self.config, self._head_paths),
        )  # fmt: skip

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Backbone":
        """Move the copies in memory; what was loaded stays what it was on disk.

        Raises:
            ConflictError: They were rounded to bf16 before, and fp32 is asked for.
        """
        held = self.word_embeddings.dtype
        if dtype == torch.float32 and held != dtype:
            raise ConflictError(f"The backbone {self.info.id} is held in {held}; load it again to use it in fp32.")
        self.encoder.to(device=device, dtype=dtype)
        return self


def load_backbone(
    id_or_path: str, *, revision: str | None = None, attention: str | None = None, adapter_site: str = ""
) -> Backbone:
    """Load a backbone in fp32 from a folder or the Hub.

    Args:
        id_or_path: Folder, or Hub id such as ``bert-base-multilingual-cased``.
        revision: Branch, tag or commit on the Hub.
        attention: transformers' attention implementation; by default plain on a CPU, where the fused one's backward
            is slower at the lengths of sentences, and elsewhere the fused one, where its type has it.
        adapter_site: Where a user says that the seats are, for a type without a table.

    Raises:
        NotFoundError: There is no such folder, and the Hub does not have it.
        NetworkError: It is not in the cache and the Hub cannot be reached.
        DataError: Its files are damaged.
        ConflictError: Its weights lack layers that its configuration names.
        UsageError: A type of model that cannot be used, or has no seats.
    """
    from transformers import AutoTokenizer

    id_or_path = os.path.expanduser(id_or_path)
    # Without a name transformers takes the fused one, and the plain one for a type that has no other.
    attention = attention or (None if torch.cuda.is_available() else "eager")
    with plain_errors(id_or_path), quiet_transformers():
        config = read_config(id_or_path, revision, adapter_site)
        masked_lm, loading = _load_masked_lm(id_or_path, config, revision, attention)
        tokenizer = AutoTokenizer.from_pretrained(id_or_path, revision=revision, use_fast=True, trust_remote_code=False)
        if len(tokenizer.get_vocab()) <= len(tokenizer.all_special_tokens):  # transformers makes one of nothing
            raise DataError(f"The backbone {id_or_path} lacks its tokenizer; copy or download the whole of it again.")
        commit = _commit(id_or_path, revision)
    paths = head_paths(masked_lm, config.model_type)
    missing = [str(key) for key in loading["missing_keys"]]
    has_head = paths is not None and not any(key.startswith((paths.dense, paths.norm)) for key in missing)
    encoder_missing = [key for key in missing if key.startswith(f"{masked_lm.base_model_prefix}.")]
    if encoder_missing:
        raise ConflictError(
            f"The backbone {id_or_path} lacks weights ({encoder_missing[0]} and maybe more); copy or download it again."
        )
    info = BackboneInfo(
        id=id_or_path.rstrip("/") if not Path(id_or_path).is_dir() else Path(id_or_path).resolve().name,
        revision=commit,
        fingerprint=backbone_fingerprint(masked_lm, config.model_type, has_head, source=id_or_path),
        model_type=config.model_type,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        vocabulary=config.vocab_size,
    )
    return Backbone(masked_lm, tokenizer, info, has_head)


def _load_masked_lm(
    id_or_path: str, config: Any, revision: str | None, attention: str | None
) -> tuple[Any, dict[str, Any]]:
    """Load the masked language model in fp32, with what transformers tells of its keys."""
    from transformers import AutoModelForMaskedLM

    def load() -> tuple[Any, dict[str, Any]]:
        return AutoModelForMaskedLM.from_pretrained(  # type: ignore[no-any-return]
            id_or_path, config=config, revision=revision, dtype=torch.float32, attn_implementation=attention,
            output_loading_info=True, use_safetensors=True, trust_remote_code=False,
        )  # fmt: skip

    masked_lm, loading = load()
    # DeBERTa's own head, which its configuration need not tell of.
    if getattr(config, "legacy", False) and any("lm_predictions." in str(key) for key in loading["unexpected_keys"]):
        config.legacy = False
        masked_lm, loading = load()
    return masked_lm, loading


def _head_eps(masked_lm: nn.Module, paths: HeadPaths | None) -> float:
    """Epsilon of the MLM head's LayerNorm, or of the last one in the encoder where the type has no table."""
    if paths is not None:
        return float(masked_lm.get_submodule(paths.norm).eps)  # type: ignore[arg-type]
    norms = [module for module in masked_lm.base_model.modules() if isinstance(module, nn.LayerNorm)]  # type: ignore[union-attr]
    return norms[-1].eps if norms else 1e-5


def used_tensors(masked_lm: nn.Module, model_type: str, has_head: bool) -> dict[str, Tensor]:
    """The tensors a model uses, under names that do not depend on the file they came from: no pooler, no aliases."""
    encoder: nn.Module = masked_lm.base_model  # type: ignore[assignment]
    tensors: dict[str, Tensor] = {
        name: value for name, value in encoder.named_parameters() if not name.startswith("pooler.")
    }
    paths = head_paths(masked_lm, model_type)
    if has_head and paths is not None:
        tensors |= {f"mlm_head.{name}": value for name, value in head_tensors(masked_lm, paths).items()}
    return tensors


def backbone_fingerprint(masked_lm: nn.Module, model_type: str, has_head: bool, *, source: str) -> str:
    """SHA-256 over `used_tensors`, remembered by the size and time of the weight files in a folder."""
    files = sorted(Path(source).glob("*.safetensors")) if Path(source).is_dir() else []
    stamp = json.dumps([[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in files]) if files else None
    return cached_fingerprint(used_tensors(masked_lm, model_type, has_head), stamp=stamp)


def fast_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type the frozen weights are held in.

    Args:
        precision: ``auto``, ``bf16`` or ``fp32``.
        device: Where they will be.

    Returns:
        bf16 where asked for (with a warning where the device only imitates it), or where ``auto`` finds that the
        device multiplies it fast.

    Raises:
        UsageError: bf16 on MPS, where not every version of macOS has it.
    """
    if precision == "bf16" and device.type == "mps":
        raise UsageError("bf16 is not offered on an Apple GPU (mps): leave --precision out, or say --precision fp32")
    if precision == "auto":
        precision = "bf16" if _multiplies_bf16(device) else "fp32"
    elif precision == "bf16" and not _multiplies_bf16(device):
        _log.warning("bf16 is imitated on this machine, and may be a hundred times slower: leave --precision out")
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _multiplies_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capability = torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else ""
    return capability.startswith("AVX512") and bool(_cpu_flags() & {"avx512_bf16", "amx_bf16"})


def _copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in tensors.items()}


def _cpu_flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return set()
    return set(next((line.split(":", 1)[1].split() for line in text.splitlines() if line.startswith("flags")), []))


def _commit(id_or_path: str, revision: str | None) -> str | None:
    """Which commit of the Hub was loaded; ``None`` for a folder."""
    from transformers.utils.hub import cached_file

    if Path(id_or_path).is_dir():
        return None
    file = cached_file(id_or_path, "config.json", revision=revision)
    snapshot = Path(str(file)).parent
    return snapshot.name if snapshot.parent.name == "snapshots" else None
