"""timm's classifiers as readers: built from names, options and files, without ever asking a server."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from reach import covers, settled, silent_tiles, weights_of
from safetensors.torch import save_file
from torch import nn

from ftbench.errors import BadInput
from ftbench_networks.timm_decoder import TimmDecoder, object_to_timm

THIN: dict[str, Any] = {"channels": [8, 8, 16, 16]}


def decoder(
    backbone: str = "resnet18", size: int = 64, bits: int = 7, weights: str = "", **options: Any
) -> TimmDecoder:
    torch.manual_seed(0)
    return TimmDecoder(size=size, bits=bits, backbone=backbone, backbone_options=options, weights=weights)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a decoder must not open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def test_a_full_resnet_has_its_published_weights_and_a_head_for_the_bits() -> None:
    # He et al.'s ResNet-18 has 11,689,512 weights with 1,000 classes of 512 weights and an offset.
    with torch.device("meta"):
        assert weights_of(decoder(bits=30)) == 11_689_512 - 1000 * 513 + 30 * 513


@pytest.mark.parametrize(
    ("backbone", "size", "options"),
    [
        ("resnet18", 50, THIN),
        ("mobilenetv3_small_050", 64, {}),
        ("vit_tiny_patch16_224", 48, {"depth": 2, "embed_dim": 24}),
        ("convnext_atto", 64, {"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16]}),
    ],
)
def test_classifiers_of_all_kinds_read_sizes_that_they_were_not_made_for(
    backbone: str, size: int, options: dict[str, Any]
) -> None:
    assert object_to_timm(size=size, bits=7, backbone=backbone, backbone_options=options) is None
    logits = decoder(backbone, size, **options).eval()(torch.rand(2, 3, size, size))
    assert logits.shape == (2, 7)
    assert logits.dtype == torch.float32


def test_every_part_of_the_image_speaks_for_every_bit() -> None:
    network = decoder(**THIN)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            # timm starts the last one of every block at zero, which is then silent.
            nn.init.ones_(module.weight)
    assert not silent_tiles(settled(network, covers(64)), 64, 7)


def test_images_are_normalised_as_the_classifier_expects() -> None:
    network = decoder(**THIN).eval()
    image = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    assert torch.allclose(network(image), network.classifier((image - mean) / std), atol=1e-6)


@pytest.mark.parametrize(
    ("size", "backbone", "options", "says"),
    [
        (64, "resnet_18", {}, "nearest: resnet18"),
        (64, "hf-hub:somebody/model", {}, "timm has no backbone"),
        (64, "resnet18", {"chanels": [1]}, "chanels"),
        (64, "resnet18", {"pretrained": True}, "weights: FILE"),
        (64, "resnet18", {"num_classes": 3}, "must not hold num_classes"),
        (64, "halonet26t", {}, "AssertionError"),
        (31, "resnet18", {}, "needs 32 px or more, not 31"),
        (64, "vit_tiny_patch16_224", {"img_size": 32}, "cannot read images of 64 px"),
    ],
)
def test_what_timm_cannot_build_is_one_sentence(size: int, backbone: str, options: dict[str, Any], says: str) -> None:
    sentence = object_to_timm(size=size, bits=8, backbone=backbone, backbone_options=options)
    assert says in str(sentence)
    assert "\n" not in str(sentence)


def test_classifiers_that_count_while_they_are_built_are_tried_for_real(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def counting(*arguments: Any, **options: Any) -> Any:
        # As many models of earlier versions of timm do, which no tensor without memory can answer.
        assert torch.linspace(0, 1, 3)[1].item() == 0.5
        return create(*arguments, **options)

    monkeypatch.setattr(timm, "create_model", counting)
    assert object_to_timm(size=64, bits=8, backbone="resnet18", backbone_options=THIN) is None


def test_names_that_would_be_looked_up_are_refused_by_the_network_too() -> None:
    with pytest.raises(BadInput, match="timm has no backbone"):
        decoder("hf-hub:somebody/model")


def test_the_objection_draws_nobodys_random_numbers() -> None:
    before = torch.get_rng_state()
    object_to_timm(size=64, bits=8, backbone="resnet18", backbone_options=THIN)
    assert torch.equal(before, torch.get_rng_state())


def test_weights_are_read_but_for_the_head(tmp_path: Path) -> None:
    torch.manual_seed(1)
    classifier = timm.create_model("resnet18", channels=(8, 8, 16, 16), num_classes=10, pretrained=False)
    file = tmp_path / "weights.safetensors"
    save_file(classifier.state_dict(), file)
    read, fresh = decoder(weights=str(file), **THIN), decoder(**THIN)
    for name, tensor in read.classifier.state_dict().items():
        source = fresh.classifier if name.startswith("fc.") else classifier
        assert torch.equal(tensor, source.state_dict()[name]), name


def test_another_models_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file(timm.create_model("resnet18", channels=(8, 8, 16, 32), pretrained=False).state_dict(), file)
    with pytest.raises(BadInput, match=r"other\.safetensors.*lacks .* first 'layer4"):
        decoder(weights=str(file), **THIN)


def test_files_that_cannot_be_read_are_one_sentence_and_never_unpickled(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(tmp_path / "written"), "w"))

    file = tmp_path / "weights.pth"
    torch.save({"conv1.weight": Evil()}, file)
    with pytest.raises(BadInput, match="torch's own kind"):
        decoder(weights=str(file), **THIN)
    assert not (tmp_path / "written").exists()
    with pytest.raises(BadInput, match=r"no file 'missing\.pth'"):
        decoder(weights=str(tmp_path / "missing.pth"), **THIN)
