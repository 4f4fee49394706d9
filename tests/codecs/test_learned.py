"""The learned code: its contract, what its loss measures, and that fitting it gives more than repetition."""

from __future__ import annotations

import math

import pydantic
import pytest
import torch
from channels import RECORDS, fitted, gaussian, learned, random_payloads, symmetric, tolerance, word_accuracy
from safetensors.torch import load, save
from scipy import stats

from ftbench_codecs.learned import _squashed


def repetition_accuracy(bits, times, error):
    flipped = stats.binom(times, error)
    tie = flipped.pmf(times // 2) / 2 if times % 2 == 0 else 0.0
    return (1 - flipped.sf(times // 2) - tie) ** bits


@pytest.fixture(scope="module")
def code_of_15():
    """15 bits in 60, fitted for a fraction of what a benchmark spends."""
    return fitted(15, steps=250, batch_size=256)


@pytest.mark.parametrize(("bits", "given", "length"), [(15, {}, 60), (1, {}, 4), (7, {"length": 10}, 10)])
def test_lengths_are_as_given_or_four_times_the_payload(bits, given, length):
    record, code = RECORDS["learned"], learned(bits, **given)
    assert record.trainable
    assert record.length(bits, record.parameters(**given)) == length
    sent = code.encode(random_payloads(40, bits))
    assert sent.shape == (40, length)
    assert set(sent.unique().tolist()) <= {0.0, 1.0}
    read = code.decode(torch.randn(40, length, generator=torch.Generator().manual_seed(0)))
    assert read.shape == (40, bits)
    assert set(read.unique().tolist()) <= {0.0, 1.0}


def test_a_code_shorter_than_its_payload_is_refused():
    record = RECORDS["learned"]
    with pytest.raises(ValueError, match="at least 15"):
        record.length(15, record.parameters(length=14))


@pytest.mark.parametrize("given", [{"length": 0}, {"group": 0}, {"group": 13}, {"width": 4}, {"width": 9.5}])
def test_impossible_parameters_are_refused(given):
    with pytest.raises(pydantic.ValidationError):
        RECORDS["learned"].parameters(**given)


def test_groups_are_coded_apart_and_interleaved():
    """23 bits are three groups of eight; a flip of bit i shows at places i modulo 3 alone, both ways."""
    code, payload = learned(23, length=70), random_payloads(64, 23)
    sent = code.encode(payload)
    read = code.decode(2 * sent - 1)
    for bit in (0, 4, 22):
        turned = payload.clone()
        turned[:, bit] = 1 - turned[:, bit]
        places = (code.encode(turned) != sent).any(0).nonzero().flatten()
        assert len(places) > 0
        assert set((places % 3).tolist()) == {bit % 3}
        noisy = 2 * sent - 1
        noisy[:, bit % 3 :: 3] *= -1
        touched = (code.decode(noisy) != read).any(0).nonzero().flatten()
        assert set((touched % 3).tolist()) == {bit % 3}


def test_equal_groups_have_equal_codes():
    payload = random_payloads(20, 8).repeat_interleave(2, 1)
    sent = learned(16, length=48).encode(payload)
    assert torch.equal(sent[:, ::2], sent[:, 1::2])


def test_a_decoder_that_knows_nothing_loses_one_bit_a_bit():
    code = learned(15)
    torch.nn.init.zeros_(code.decoder[-1].weight)
    torch.nn.init.zeros_(code.decoder[-1].bias)
    loss = code.fit_loss(64, torch.Generator().manual_seed(0))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(math.log(2), abs=1e-6)


def test_every_draw_of_the_loss_comes_from_the_generator_and_both_networks_learn():
    code = learned(15)
    before = torch.get_rng_state()
    losses = [code.fit_loss(64, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert torch.equal(torch.get_rng_state(), before)
    assert losses[0].item() == losses[1].item() != losses[2].item()
    losses[0].backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in code.parameters())
    with torch.no_grad():
        assert code.fit_loss(64, torch.Generator().manual_seed(3)).item() == losses[0].item()


@pytest.mark.parametrize("error", [0.1, 0.2])
def test_a_short_fit_is_clearly_better_than_repetition_of_the_same_rate(code_of_15, error):
    words = 4000
    hard = word_accuracy(code_of_15, 15, symmetric(error), words)
    assert hard > 1.2 * repetition_accuracy(15, 4, error) + tolerance(hard, words)
    assert word_accuracy(code_of_15, 15, gaussian(error), words) > hard + 0.05


def test_a_clean_channel_gives_the_payload_back(code_of_15):
    payload = random_payloads(4000, 15)
    assert torch.equal(code_of_15.decode(2 * code_of_15.encode(payload) - 1), payload)


def test_the_weights_are_all_that_a_fitted_code_is(code_of_15):
    other = learned(15, seed=1)
    payload = random_payloads(50, 15)
    assert not torch.equal(other.encode(payload), code_of_15.encode(payload))
    other.load_state_dict(load(save(code_of_15.state_dict())))
    logits = gaussian(0.3)(other.encode(payload))
    assert torch.equal(other.encode(payload), code_of_15.encode(payload))
    assert torch.equal(other.decode(logits), code_of_15.decode(logits))


def test_the_result_hangs_on_each_word_s_logits_up_to_a_factor(code_of_15):
    logits = gaussian(0.25)(code_of_15.encode(random_payloads(40, 15)))
    expected = code_of_15.decode(logits)
    assert torch.equal(code_of_15.decode(logits * 2.0**90), expected)
    assert torch.equal(code_of_15.decode(logits.double() * 2.0**900), expected)
    assert torch.equal(code_of_15.decode(logits.flip(0)), expected.flip(0))
    assert code_of_15.decode(logits[:0]).shape == (0, 15)
    assert set(code_of_15.decode(torch.zeros(2, 60)).unique().tolist()) <= {0.0, 1.0}


def test_squashing_keeps_hard_reads_and_bounds_sure_ones():
    hard = 2 * random_payloads(10, 60) - 1
    for magnitude in (1.0, 0.01, 1e30):
        torch.testing.assert_close(_squashed(magnitude * hard), hard)
    assert _squashed(hard.bfloat16()).dtype == torch.float32
    spread = torch.tensor([[-1000.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0, 5.0]])
    squashed = _squashed(spread)
    assert squashed.abs().max() <= 1 / math.tanh(0.5) + 1e-6
    assert (squashed.diff() >= 0).all()
    assert torch.equal(squashed.sign(), spread.sign())


def test_bad_tensors_are_named():
    code = learned(15)
    for shape in [(60,), (2, 61), (1, 60, 1), (3, 0)]:
        with pytest.raises(ValueError, match=r"logits of shape .* must be \(images, 60\)"):
            code.decode(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"payload of shape .* must be \(images, 15\)"):
        code.encode(torch.zeros(2, 60))
    with pytest.raises(ValueError, match="something else than 0 and 1"):
        code.encode(torch.full((2, 15), -1.0))
    logits = torch.ones(2, 60)
    logits[0, 0] = float("nan")
    with pytest.raises(ValueError, match="not all finite"):
        code.decode(logits)
