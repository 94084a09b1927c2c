"""Seats that a user names: found in every layer, tried once, and refused where they give no hidden states."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.config import ModelOptions
from hyperx_cl.errors import UsageError
from hyperx_cl.model.backbone import load_backbone
from tests.backbone_types import SITE
from tests.model.building import build

Folders = Callable[[str], Path]


def test_the_seats_are_one_a_layer_and_nothing_is_left_in_them(typed_backbone: Folders) -> None:
    backbone = load_backbone(str(typed_backbone("mpnet")), adapter_site=SITE)
    seats = backbone.sites("ffn", SITE)
    assert seats == [backbone.encoder.get_submodule(SITE.format(i=i)) for i in range(2)]
    assert not any(seat._forward_hooks for seat in seats)


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ("encoder.layers.{i}.output", "leads to 'encoder.layers.0.output', which the backbone mpnet.* does not have"),
        ("encoder.layer.{i}.intermediate", "whose output is no tensor of the hidden width 32"),
        ("encoder.layer.{i}.attention", "whose output is no tensor of the hidden width 32"),
    ],
)
def test_what_gives_no_hidden_states_is_refused(typed_backbone: Folders, site: str, said: str) -> None:
    backbone = load_backbone(str(typed_backbone("mpnet")), adapter_site=site)
    with pytest.raises(UsageError, match=f"{said}.*; give the module path of each layer's FFN output"):
        backbone.sites("ffn", site)


def test_a_site_is_part_of_a_models_identity_only_where_it_is_given(tiny_backbone: Path) -> None:
    table, named = build(tiny_backbone), build(tiny_backbone, adapter_site=SITE)
    named.load_state_dict(table.state_dict())
    assert table.fingerprint() != named.fingerprint()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"adapter_site": "encoder.layer.output"}, "it must hold {i} where the layer's number stands"),
        ({"adapter_site": SITE, "placement": "layer"}, "adapter_site and placement both say where the adapters sit"),
    ],
)
def test_options_that_say_nothing_or_too_much_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ModelOptions(**options)  # type: ignore[arg-type]
