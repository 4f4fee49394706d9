"""The paper's networks: sizes as the source has them, any size, width and length, gradients where they belong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ftbench.errors import BadInput
from ftbench_faketagger.conv7 import Conv7
from ftbench_faketagger.faceswap import Faceswap
from ftbench_faketagger.objections import object_to_conv7, object_to_faceswap
from ftbench_faketagger.unet import UNet, object_to_unet
from ftbench_faketagger.warp import random_warp

THIN = {"backbone": "resnet18", "backbone_options": {"channels": [8, 16, 16, 16]}, "up_width": 0.05}


def unet(size: int = 32, bits: int = 8, **changed: Any) -> UNet:
    settings: dict[str, Any] = {"weights": "", "stem_channels": 8, "residual": 0.3, **THIN, **changed}
    return UNet(size=size, bits=bits, **settings)


def millions(network: nn.Module) -> float:
    return round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1)


def test_full_widths_have_the_sources_numbers_of_parameters() -> None:
    full = unet(64, 15, backbone_options={}, up_width=1.0, stem_channels=64)
    assert millions(full) == 17.8
    assert millions(Conv7(size=64, bits=15, width=1.0)) == 16.7
    with torch.device("meta"):
        assert round(millions(Faceswap(size=64, width=1.0, latent=1024, warp=0.02))) == 82


@pytest.mark.parametrize(
    ("size", "bits", "backbone", "options"),
    [
        (32, 1, "resnet18", {"channels": [8, 8, 8, 8]}),
        (64, 100, "resnet18", {"channels": [8, 8, 8, 8]}),
        (96, 15, "mobilenetv3_small_050", {}),
    ],
)
def test_any_backbone_size_and_length(size: int, bits: int, backbone: str, options: dict[str, Any]) -> None:
    network = unet(size, bits, backbone=backbone, backbone_options=options).eval()
    cover, code = torch.rand(2, 3, size, size), torch.randint(0, 2, (2, bits)).float()
    marked = network(cover, code)
    assert marked.shape == cover.shape
    assert marked.min() >= 0
    assert marked.max() <= 1


def test_the_code_enters_at_every_scale() -> None:
    network = unet(64, 3).eval()
    cover = torch.rand(1, 3, 64, 64)
    for scale in range(5):
        for module in network.write:
            nn.init.zeros_(module[0].weight[:, -3:])  # type: ignore[index, arg-type]
        a, b = network(cover, torch.zeros(1, 3)), network(cover, torch.ones(1, 3))
        assert torch.equal(a, b), "with the code cut off everywhere the picture must not hang on it"
        nn.init.normal_(network.write[scale][0].weight[:, -3:], std=1.0)  # type: ignore[index, arg-type]
        assert not torch.equal(network(cover, torch.zeros(1, 3)), network(cover, torch.ones(1, 3)))


def test_the_residual_is_bounded() -> None:
    network = unet(residual=0.05).eval()
    nn.init.normal_(network.to_rgb.weight, std=100.0)
    cover = torch.rand(4, 3, 32, 32)
    change = (network(cover, torch.ones(4, 8)) - cover).abs()
    assert change.max() <= 0.05 + 1e-6
    assert change.max() > 0.04


@pytest.mark.parametrize(("size", "says"), [(64, None), (48, "multiple of 32")])
def test_a_size_that_the_backbone_cannot_take_is_refused(size: int, says: str | None) -> None:
    sentence = object_to_unet(size=size, backbone="resnet18", backbone_options={})
    assert sentence is None if says is None else says in str(sentence)


def test_unknown_backbones_get_the_nearest_names() -> None:
    assert "resnet18" in str(object_to_unet(size=64, backbone="resnet_18", backbone_options={}))
    assert "cannot build" in str(object_to_unet(size=64, backbone="resnet18", backbone_options={"chanels": [1]}))


def test_small_sizes_are_refused_by_the_others() -> None:
    assert object_to_conv7(size=7) is not None
    assert object_to_conv7(size=8) is None
    assert object_to_faceswap(size=40) is not None
    assert object_to_faceswap(size=48) is None


@pytest.mark.parametrize("size", [8, 33, 64])
def test_conv7_reads_any_size(size: int) -> None:
    logits = Conv7(size=size, bits=5, width=0.05).eval()(torch.rand(2, 3, size, size))
    assert logits.shape == (2, 5)
    assert logits.dtype == torch.float32


def test_a_swap_decodes_with_the_other_persons_decoder() -> None:
    network = Faceswap(size=32, width=0.05, latent=16, warp=0.02).eval()
    image = torch.rand(5, 3, 32, 32)
    identity = torch.tensor([0, 1, 1, 0, 1])
    swapped = network(image, {"identity": identity})
    shared = network.encoder(image)
    for row, who in enumerate(identity.tolist()):
        expected = network.decoders[1 - who](shared[row : row + 1])[0]
        assert torch.allclose(swapped[row], expected, atol=1e-6)
    only_first = network(image[:1], {"identity": identity[:1]})
    assert torch.allclose(only_first, swapped[:1], atol=1e-6)


def test_fitting_the_faceswap_reaches_its_loss() -> None:
    torch.manual_seed(0)
    network = Faceswap(size=32, width=0.1, latent=32, warp=0.02)
    image = torch.rand(8, 3, 1, 1).expand(8, 3, 32, 32).contiguous()
    inputs = {"identity": torch.tensor([0, 1] * 4)}
    adam = torch.optim.Adam(network.parameters(), 2e-3)
    losses = []
    for step in range(40):
        loss = network.fit_loss(image, inputs, torch.Generator().manual_seed(step))
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_warps_repeat_and_bend_as_far_as_they_say() -> None:
    ramp = torch.linspace(0, 1, 64).expand(200, 3, 64, 64).contiguous()
    warped = random_warp(ramp, 0.02, torch.Generator().manual_seed(1))
    assert torch.equal(warped, random_warp(ramp, 0.02, torch.Generator().manual_seed(1)))
    assert torch.allclose(random_warp(ramp, 0.0, torch.Generator()), ramp, atol=1e-5)
    # On a ramp a shift along x is a change of value: its deviation at a control point is that of the draw.
    middle = (warped - ramp)[:, 0, 31:33, 31:33].mean(dim=(1, 2)).numpy()
    assert np.std(middle) == pytest.approx(0.02, rel=0.2)


def test_weights_come_from_a_file_of_tensors(tmp_path: Any) -> None:
    import timm

    torch.manual_seed(1)
    classifier = timm.create_model("resnet18", channels=(8, 16, 16, 16), pretrained=False)
    file = tmp_path / "weights.safetensors"
    save_file(classifier.state_dict(), file)
    network = unet(weights=str(file))
    assert torch.equal(network.backbone.conv1.weight, classifier.conv1.weight)  # type: ignore[union-attr]
    layer = network.backbone.layer3[0].conv1.weight  # type: ignore[union-attr, index]
    assert torch.equal(layer, classifier.layer3[0].conv1.weight)


@pytest.mark.parametrize("content", [b"", b"not a file of tensors"])
def test_weights_that_cannot_be_read_are_one_sentence(tmp_path: Any, content: bytes) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=r"weights\.pth"):
        unet(weights=str(file))
    with pytest.raises(BadInput, match="no file"):
        unet(weights=str(tmp_path / "missing.pth"))


def test_pickled_objects_are_never_unpickled(tmp_path: Any) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(tmp_path / "written"), "w"))

    file = tmp_path / "weights.pth"
    torch.save({"conv1.weight": Evil()}, file)
    with pytest.raises(BadInput):
        unet(weights=str(file))
    assert not (tmp_path / "written").exists()


def test_learned_code_maps_tell_places_apart_and_none_are_as_published() -> None:
    assert not list(unet().maps)
    network = unet(code_maps=2).eval()
    assert [tuple(module(torch.ones(1, 8)).shape[1:]) for module in network.maps] == [
        (2, side, side) for side in (16, 8, 4, 2, 1, 32)
    ]
    # A cover of one colour: whatever differs between places but the borders' padding comes out of the maps.
    for module in network.maps:
        nn.init.normal_(module[0].weight, std=1.0)  # type: ignore[index, arg-type]
    flat = torch.full((1, 3, 32, 32), 0.5)
    inner = (network(flat, torch.ones(1, 8)) - network(flat, torch.zeros(1, 8)))[..., 8:24, 8:24]
    assert inner.std(dim=(2, 3)).min() > 1e-4
