"""What docs/results.md quotes, table by table."""

from __future__ import annotations

from collections.abc import Iterator

from tests.quoted.kept import Row, interval, number, over_seeds, row, table

PAPER, SIMULATOR, CODE, POOL, LENGTH = (
    f"{name}/two_identity-small"
    for name in ("paper", "ablation-simulator", "ablation-code", "ablation-pool", "ablation-length")
)
POPULATION = "ablation-population/two_identity-small"
ATTACKS = "attacks/many_identities-medium"
MEDIUM = "paper/two_identity-medium"
MET = "none swap-any + reenact + edit-attribute + resynthesise + re-embed"
LONG, SHORT = (f"fresh nonce={of} {MET.removeprefix('none ')}" for of in ("14 length=63", "6 length=31"))
AGAINST = "+ averaging pairs=12 strength=2 + subspace 32 dB"
TWINS = ("swap-any-2", "reenact-2", "edit-attribute-2", "resynthesise-2")
AVERAGED = {
    "one code for all": f"{MET} 32 dB",
    "marks specific to their picture": f"{MET} 32 dB specific 1",
    "these, and averages in training": f"{MET} + averaging pairs=4 + averaging pairs=4 strength=2 32 dB specific 1",
    "another code for every picture": f"{LONG} 32 dB",
    "such a code, averages and subspaces in training": f"{LONG} {AGAINST}",
    "the same with a short code": f"{SHORT} {AGAINST}",
}
TEN = ("swap-any", "reenact", "edit-attribute", "resynthesise", *TWINS, "regenerate", "re-embed")
TRANSFER, FIELD = "transfer/many_identities-small", "field/many_identities-small"
BITS, WORDS = "raw_bit_accuracy", "payload_word_accuracy"
SWAP = "faceswap width=0.25 latent=256"


def read(folder: str, label: str, simulator: str = "none", distortion: str = "identity", of: str = "attacks") -> Row:
    """Bits read, or words, after one attack."""
    return row(folder, of, label=label, simulator=simulator, distortion=distortion)


def quality(folder: str, label: str, metric: str) -> Row:
    """Of marked images against covers, all people."""
    return row(folder, "quality", label=label, metric=metric, of="marked", identity="")


def overview(folder: str, label: str, measure: str) -> Row:
    """One measure at a glance."""
    return row(folder, "overview", label=label, measure=measure)


def quotes() -> Iterator[str]:
    """Every sentence and row."""
    yield from _paper()
    yield from _parts()
    yield from _population()
    yield from _attacks()
    yield from _medium()
    yield from _transfer()
    yield from _field()
    yield from _ranked()
    yield from _larger()
    yield from _speed()
    yield from _classical()


def _paper() -> Iterator[str]:
    for title, label in {
        "30 dB": "30 dB", "λ = 1, α = 0.1": "λ=1 α=0.1", "λ = 10, α = 0.1": "λ=10 α=0.1", "λ = 1, α = 0.5": "λ=1 α=0.5"
    }.items():  # fmt: skip
        marked, swapped = (over_seeds(read(PAPER, label, of), BITS, 2) for of in ("none", "faceswap"))
        psnr = over_seeds(quality(PAPER, label, "psnr"), "quality", 2, 1)
        ssim = over_seeds(quality(PAPER, label, "ssim"), "quality", 3, 1)
        yield f"| {title} | {marked} | {swapped} | {psnr} | {ssim} |"
    jpeg = read(PAPER, "30 dB", distortion="jpeg quality=90")
    lowest, highest = (number(jpeg, BITS, 1, end=end) for end in ("lowest", "highest"))
    yield f"Of marked images' bits {number(jpeg, BITS, 0)} % are read after JPEG 90 at 32 px"
    yield f"({lowest} to {highest} over seeds)"
    yield f"after swap *and* JPEG {number(read(PAPER, '30 dB', 'faceswap', 'jpeg quality=90', 'combined'), BITS, 0)} %."
    taken = row(PAPER, "methods", first="λ=1 α=0.1", second="λ=10 α=0.1")
    gain = [-float(taken[f"faceswap_raw_bit_accuracy_difference_{end}"]) * 100 for end in ("value", "high", "low")]
    yield "What λ gains in reading ({:.1f} [{:.1f}, {:.1f}] points)".format(*gain)
    psnr = quality(PAPER, "λ=1 α=0.5", "psnr")
    ends = (number(psnr, "quality", 1, 1, end) for end in ("lowest", "highest"))
    yield "With α = 0.5 the PSNR of three seeds lies between {} and {} dB".format(*ends)
    kept = number(read(PAPER, "30 dB", "faceswap"), BITS, 1)
    yield f"| `small-swapped`: 30 dB, after the swap, at `small` | 92 % | 83.8 % | {kept} % |"


def _parts() -> Iterator[str]:
    after = (SWAP, f"{SWAP} seed=1", "faceswap width=0.375 latent=256", "faceswap-residual", "faceswap-pasted")
    for title, label in {"nothing": "none", "faceswap": "faceswap", "faceswap, pasted back": "faceswap-pasted"}.items():
        entries = [interval(read(SIMULATOR, f"{label} 30 dB"), BITS, 2, within=1)]
        for simulator in after:
            taken = read(SIMULATOR, f"{label} 30 dB", simulator)
            # What would round to 100 has two decimals.
            entries.append(interval(taken, BITS, 2 if 0.9995 <= float(taken[f"{BITS}_value"]) < 1 else 1, within=1))
        yield f"| {title} | {' | '.join(entries)} |"
    for title, label in {
        "none": "none", "repetition": "repetition times=3", "soft-bch": "soft-bch length=31",
        "learned": "learned length=24",
    }.items():  # fmt: skip
        bits = overview(CODE, f"{label} 30 dB", "code bits")["said"]
        words = (interval(read(CODE, f"{label} 30 dB", of, of="words"), WORDS, 1) for of in ("none", "faceswap"))
        yield f"| {title} | {bits} | {' | '.join(words)} |"
    for title, label in {
        "a distortion for each of eight pieces of a batch": "with", "one for the whole batch": "whole",
        "none": "without",
    }.items():  # fmt: skip
        two = (over_seeds(read(POOL, f"{label} pool 30 dB", of), BITS, 1) for of in ("none", "faceswap"))
        yield f"| {title} | {' | '.join(two)} | "
    lengths = (f"{bits} bits 30 dB" for bits in (8, 15, 30, 64))
    said = [number(read(LENGTH, label, "faceswap"), BITS, 1) for label in lengths]
    yield "{} % of the bits with 8, {} with 15, {} with 30, {} with 64".format(*said)
    marked = [float(read(LENGTH, f"{bits} bits 30 dB")[f"{BITS}_value"]) * 100 for bits in (8, 15, 30, 64)]
    yield f"of marked images' bits {min(marked):.1f} to {max(marked):.1f} %."


def _population() -> Iterator[str]:
    after = (SWAP, f"{SWAP} seed=100", f"{SWAP} seed=101", "faceswap width=0.375 latent=256", "faceswap-residual")
    for trainings in (1, 2, 4, 8):
        met = f"{SWAP} trainings={trainings} 30 dB" if trainings > 1 else f"{SWAP} 30 dB"
        entries = [interval(read(POPULATION, met, one), BITS, 1) for one in after]
        jpeg = interval(read(POPULATION, met, distortion="jpeg quality=50"), BITS, 1)
        flip = number(quality(POPULATION, met, "flip"), "quality", 3, 1)
        yield f"| {trainings} | {' | '.join([*entries, jpeg, flip])} |"


def known_to(label: str, simulator: str, folder: str = ATTACKS, of: str = "attacks") -> Row:
    """Bits read after one who knows pictures before and after: their distance from one half is another row."""
    kinds = {
        "copy": "forgeries: the copied payload's bits on unmarked covers",
        "re-embed": "simulators met in training",
    }
    kind = kinds.get(simulator, "marks taken off by who knows pictures before and after")
    return row(folder, of, label=label, simulator=simulator, distortion="identity", kind=kind)


def _attacks() -> Iterator[str]:
    known = ("averaging pairs=1", "averaging pairs=32", "averaging pairs=32 strength=2", "subspace", "remove-by-pairs")
    after = ("swap-any", "reenact", "reenact-2", "resynthesise-2")
    for title, label in AVERAGED.items():
        entries = [interval(known_to(label, one), BITS, 1) for one in (*known, "re-embed")]
        yield f"| {title} | {' | '.join(entries)} |"
        whole = [number(known_to(label, one, of="words"), WORDS, 1) for one in (*known, "re-embed", "copy")]
        yield f"| {title} | {' | '.join(whole)} |"
    for title, label in AVERAGED.items():
        ten = [float(read(ATTACKS, label, one)[f"{BITS}_value"]) for one in TEN]
        entries = [f"{100 * sum(ten) / len(ten):.1f}"]
        entries += [interval(read(ATTACKS, label, one), BITS, 1) for one in after]
        entries += [
            interval(read(ATTACKS, label, distortion=one), BITS, 1) for one in ("jpeg quality=50", "crop keep=0.7")
        ]
        entries += [number(quality(ATTACKS, label, metric), "quality", 3, 1) for metric in ("flip", "ssim")]
        yield f"| {title} | {' | '.join(entries)} |"


def _medium() -> Iterator[str]:
    bits = [over_seeds(read(MEDIUM, "30 dB", of), BITS, 2) for of in ("none", "faceswap")]
    look = [over_seeds(quality(MEDIUM, "30 dB", of), "quality", places, 1) for of, places in (("psnr", 2), ("ssim", 3))]
    yield f"| 30 dB, three seeds | {' | '.join(bits + look)} |"
    for at in ("32", "36"):
        label = f"{at} dB seed 0"
        bits = [interval(read(MEDIUM, label, of), BITS, 2) for of in ("none", "faceswap")]
        look = [interval(quality(MEDIUM, label, of), "quality", n, 1) for of, n in (("psnr", 2), ("ssim", 3))]
        yield f"| {at} dB, seed 0 | {' | '.join(bits + look)} |"
    after = [number(read(MEDIUM, f"{at} dB seed 0", "faceswap", of="words"), WORDS, 1) for at in ("32", "36")]
    yield "at 32 dB from {} % of swapped ones, at 36 dB from {}.".format(*after)
    words = [number(read(MEDIUM, "30 dB", of, of="words"), WORDS, 1) for of in ("none", "faceswap")]
    yield "Whole payloads are read from {} % of marked and {} % of swapped images at 30 dB".format(*words)
    jpeg = read(MEDIUM, "30 dB", distortion="jpeg quality=90")
    yield f"JPEG 90 leaves {number(jpeg, BITS, 0)} % of marked images' bits at 30 dB."
    yield f"| 99.9 % | 99.2 % | {number(read(MEDIUM, '30 dB'), BITS, 2)} % |"


def _transfer() -> Iterator[str]:
    every = "swap-any + reenact + edit-attribute + resynthesise"
    for title, label in {
        "all four, one a step": every, "reenact": "reenact", "resynthesise": "resynthesise", "swap-any": "swap-any",
        "edit-attribute": "edit-attribute", "nothing": "none",
    }.items():  # fmt: skip
        mean = over_seeds(overview(TRANSFER, f"{label} 30 dB", "bits all simulators: mean of 8"), "overview", 1)
        twins = (number(read(TRANSFER, f"{label} 30 dB", twin), BITS, 1) for twin in TWINS)
        yield f"| {title} | {mean} | {' | '.join(twins)} |"
    pair = row(TRANSFER, "methods", first="reenact 30 dB", second=f"{every} 30 dB")

    def points(key: str) -> str:
        return interval(pair, f"{key}_raw_bit_accuracy_difference", 1)

    yield f"after both reenactments ({points('reenact')} and {points('reenact_2')} points)"
    yield f"less of marked images ({points('marked')})"
    yield f"after both edits ({points('edit_attribute')} and {points('edit_attribute_2')})"
    low = [
        f"{100 * float(one['low']):.1f}" for one in table(FIELD, "confirmed") if one["simulator"].startswith("reenact")
    ]
    yield "intervals that begin at {} and {} % for the two reenactments".format(*low)
    shares = [100 * float(one["share"]) for one in table(FIELD, "confirmed")]
    yield f"confirm each on {min(shares):.0f} to {max(shares):.0f} % of held-out faces"


PAIRS = (
    ("`compact`, 0.17 M weights", "compact", "own"), ("U-Net + conv7, 1.23 M", "unet-resnet18", "own"),
    ("`sepmark`, 0.65 M", "sepmark", "own"), ("`compact`", "compact", "36 dB"),
    ("U-Net + conv7", "unet-resnet18", "36 dB"), ("`sepmark`", "sepmark", "36 dB"),
)  # fmt: skip


def _field() -> Iterator[str]:
    after = (*TWINS, "regenerate", "re-embed", "re-embed by=compact")
    known = ("averaging pairs=32", "averaging pairs=32 strength=2", "subspace", "remove-by-pairs", "copy")
    for title, label, at in PAIRS:
        name, level = f"{label} 30 dB at {at}", "30" if at == "own" else "36"
        entries = [number(quality(FIELD, name, "flip"), "quality", 3, 1), number(read(FIELD, name), BITS, 1)]
        for simulator in after:
            same = label == "compact" and simulator == "re-embed by=compact"
            entries.append("" if same else number(read(FIELD, name, simulator), BITS, 1))
        mean = over_seeds(overview(FIELD, name, "bits all distortions: mean of 21"), "overview", 1)
        yield f"| {title} | {level} | {' | '.join([*entries, mean])} |".replace("|  |", "| |")
        attacked = " | ".join(over_seeds(known_to(name, simulator, FIELD), BITS, 1) for simulator in known)
        yield f"| {title.split(',')[0]} | {level} | {attacked} |"


def _ranked() -> Iterator[str]:
    ranks = {one["rank"]: one for one in table("leaderboard", "leaderboard")}
    names = [ranks[rank]["method"].split()[0] for rank in "123"]
    assert names == ["unet-resnet18", "compact", "sepmark"]
    first, second = (interval(ranks[rank], "score", 1) for rank in "12")
    third = number(ranks["3"], "score", 1)
    yield f"has a score of {first}, `compact` {second}, which is not told from it, and `sepmark` {third}."


def _larger() -> Iterator[str]:
    field = "field/many_identities-medium"

    def mean(label: str, ends: bool) -> str:
        taken = row(field, "overall", label=label)
        return (interval if ends else number)(taken, "simulators_bit_accuracy", 1)

    yield f"At 32 dB `compact` reads {mean('compact 32 dB at own', True)} % in the mean over twelve"
    yield f"`sepmark` {mean('sepmark 32 dB at own', True).replace(' %', '')}"
    rescaled = (mean(f"{name} 32 dB at 38 dB", False) for name in ("compact", "sepmark"))
    yield "Rescaled to 38 dB: {} and {}.".format(*rescaled)
    second = (
        number(row(field, "main", label=f"{name} 32 dB at own"), "re_embed_raw_bit_accuracy", 1)
        for name in ("compact", "sepmark")
    )
    yield "`compact` reads {} % and `sepmark` {} under its own".format(*second)
    [turned] = [one for one in table(field, "confirmed") if one["simulator"] == "reenact"]
    share, *ends = (f"{100 * float(turned[key]):.1f}" for key in ("share", "low", "high"))
    yield f"(`reenact`: {share} [{', '.join(ends)}])"
    every = "swap-any + reenact + edit-attribute + resynthesise"
    transfer = {
        label: row("transfer/many_identities-medium", "overall", label=f"{label} 32 dB")
        for label in ("reenact", every, "none")
    }
    said = [interval(transfer[label], "simulators_bit_accuracy", 1) for label in ("reenact", every)]
    yield f"trained against reenactment {said[0].replace(']', '] %', 1)} over the eight, all four {said[1]}"
    yield f"nothing {number(transfer['none'], 'simulators_bit_accuracy', 1)}, one training each"


def _speed() -> Iterator[str]:
    def rate(encoder: str, batch: str, key: str) -> str:
        [taken] = [one for one in table(FIELD, "speed") if (one["encoder"], one["batch"]) == (encoder, batch)]
        # Two digits.
        return f"{float(f'{float(taken[key]):.2g}'):,.0f}"

    marks = {name: [rate(name, batch, "marking") for batch in ("32", "1")] for name in NETS}
    reads = {name: [rate(name, batch, "reading") for batch in ("32", "1")] for name in NETS}
    told = "marks {} such images a second with `compact` ({} one at a time), {} ({}) with the U-Net and {} ({}) with"
    yield told.format(*marks["compact"], *marks["unet-resnet18"], *marks["sepmark"])
    yield "it reads {} ({}), {} ({}) and {} ({}):".format(*reads["compact"], *reads["unet-resnet18"], *reads["sepmark"])


NETS = ("compact", "unet-resnet18", "sepmark")


def _classical() -> Iterator[str]:
    def after(method: str, distortion: str) -> str:
        taken = row(
            "field-256/portraits-small", "distortions", label=f"{method} 40 dB", distortion=distortion, simulator="none"
        )
        return number(taken, BITS, 1)

    said = (after(method, "jpeg quality=50") for method in ("compact", "rivagan", "dwt-dct-svd"))
    yield "after JPEG 50 `compact` reads {} %, `rivagan` {}, `dwt-dct-svd` {};".format(*said)
    looks = {
        method: number(row("field-256/portraits-small", "main", label=f"{method} 40 dB"), "psnr_all", 2, 1)
        for method in ("rivagan", "compact")
    }
    yield f"its images have {looks['rivagan']} dB where `compact` has {looks['compact']}"
