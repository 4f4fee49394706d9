"""LPIPS is the lpips package's, with weights from a file."""

from __future__ import annotations

import warnings
from pathlib import Path

import lpips
import pytest
import torch
from safetensors.torch import save_file

from ftbench_metrics.learned import Lpips
from ftbench_metrics.objections import object_to_lpips


@pytest.fixture(scope="module")
def network():
    with warnings.catch_warnings():
        # torchvision warns of the way in which the package calls it.
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)


def named(network):
    """The weights by torchvision's names."""
    return {f"features.{name.split('.', 1)[1]}": value for name, value in network.net.state_dict().items()}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_it_is_the_packages(network, suffix, tmp_path):
    file = tmp_path / f"alexnet{suffix}"
    torch.save(named(network), file) if suffix == ".pth" else save_file(named(network), file)
    generator = torch.Generator().manual_seed(1)
    reference, image = (torch.rand(3, 3, 64, 70, generator=generator) for _ in range(2))
    found = Lpips(str(file))(reference, image)
    torch.testing.assert_close(found, network(reference, image, normalize=True).flatten())
    assert found.min() > 0.01
    assert Lpips(str(file))(reference, reference).tolist() == [0, 0, 0]


def test_other_files_are_refused_in_a_sentence(network, tmp_path):
    file = tmp_path / "alexnet.pth"
    file.write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"alexnet\.pth cannot be read as weights"):
        Lpips(str(file))
    torch.save([1, 2], file)
    with pytest.raises(ValueError, match="holds a list and no tensors by name"):
        Lpips(str(file))
    torch.save({**named(network), "features.0.weight": torch.zeros(2)}, file)
    with pytest.raises(ValueError, match=r"has \(2,\) where features\.0\.weight of shape \(64, 3, 11, 11\) was due"):
        Lpips(str(file))
    torch.save(Path("x"), file)
    with pytest.raises(ValueError, match="cannot be read as weights"):
        Lpips(str(file))


def test_what_planning_says(monkeypatch):
    assert object_to_lpips(size=32) is None
    assert "31" in object_to_lpips(size=31)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'ftbench[lpips]'" in object_to_lpips(size=64)
