"""What a phone makes of the light: glare, exposure, white balance, noise, blur, tone curve, sharpening, JPEG."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.float32]
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def develop(light: Picture, rng: np.random.Generator, *, stops: float = 0.0) -> NDArray[np.uint8]:
    """sRGB (h, w, 3) uint8 of linear radiance (h, w, 3); `stops` is extra exposure. One stream, one look."""
    light = np.clip(np.nan_to_num(light, nan=0.0, posinf=1e3), 0, 1e3).astype(np.float32)
    light = _glare(_vignette(light, rng.uniform(0.03, 0.3)), rng.uniform(0.02, 0.07))
    light = blur(light, rng.uniform(0.15, 0.45) if rng.random() < 0.9 else rng.uniform(0.6, 1.1))
    light = _white_balance(light, rng)
    light, gain = _expose(light, rng, stops)
    light = _add_noise(light, rng, gain)
    if rng.random() < 0.05:
        light = _shake(light, rng)
    return _to_srgb(light, rng)


def to_jpeg(pixels: NDArray[np.uint8], rng: np.random.Generator) -> bytes:
    """JPEG bytes at the quality of a phone or of a chat app; some are recompressed once more."""
    first = _jpeg(Image.fromarray(pixels), int(rng.integers(72, 95)))
    if rng.random() < 0.25:
        return _jpeg(Image.open(io.BytesIO(first)), int(rng.integers(60, 88)))
    return first


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def blur(light: Picture, sigma: float) -> Picture:
    """Gaussian blur of (h, w, c) with `sigma` in pixels, edges repeated."""
    reach = max(1, round(3 * sigma))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-3)) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (0, 1):
        pad = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        wide = np.pad(light, pad, mode="edge")
        n = light.shape[axis]
        layers = [tap * wide.take(range(k, k + n), axis=axis) for k, tap in enumerate(taps)]
        light = np.asarray(np.sum(layers, axis=0), np.float32)
    return light


def _vignette(light: Picture, strength: float) -> Picture:
    h, w = light.shape[:2]
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    return np.asarray(light * (1 - strength * (x**2 + y**2) / 2)[..., None], np.float32)


def _glare(light: Picture, share: float) -> Picture:
    """Light scattered in the lens: a wide, weak copy of the bright parts."""
    h, w = light.shape[:2]
    layers = []
    for channel in np.moveaxis(np.minimum(light, 20), 2, 0):
        small = Image.fromarray(channel).resize((max(2, w // 24), max(2, h // 24)), Image.Resampling.BOX)
        layers.append(np.asarray(small.resize((w, h), Image.Resampling.BICUBIC)))
    return np.asarray(light * (1 - share) + np.maximum(np.dstack(layers), 0) * share, np.float32)


def _white_balance(light: Picture, rng: np.random.Generator) -> Picture:
    """Grey-world correction, never complete, with a small error of its own."""
    mean = light.reshape(-1, 3).mean(axis=0) + 1e-6
    gains = (mean.mean() / mean) ** rng.uniform(0.35, 0.95) * np.exp(rng.normal(0, 0.03, 3))
    return np.asarray(light * gains, np.float32)


def _expose(light: Picture, rng: np.random.Generator, stops: float) -> tuple[Picture, float]:
    """Key the middle grey, hold the highlights back; returns the gain too."""
    luminance = light @ _LUMINANCE
    key = float(np.exp(np.log(luminance + 1e-4).mean()))
    gain = rng.uniform(0.14, 0.25) / key * 2 ** rng.normal(0, 0.3)
    bright = float(np.quantile(luminance, 0.96)) + 1e-6
    gain = min(gain, 1.8 / bright * 2 ** rng.uniform(-0.2, 0.5)) * 2**stops
    return np.asarray(light * gain, np.float32), gain


def _add_noise(light: Picture, rng: np.random.Generator, gain: float) -> Picture:
    """Shot and read noise, stronger where the picture had to be lifted, then the phone's own smoothing."""
    level = rng.uniform(0.0002, 0.0018) * min(4.0, max(0.6, gain / 3))
    shot = np.sqrt(np.clip(light, 0, 4) * level * 0.6 + level**2)
    noisy = light + rng.normal(0, 1, light.shape).astype(np.float32) * shot
    return blur(np.asarray(noisy, np.float32), rng.uniform(0.15, 0.6))


def _shake(light: Picture, rng: np.random.Generator) -> Picture:
    """A hand that moved: the mean of a few shifted copies."""
    length, angle = rng.uniform(1.5, 4), rng.uniform(0, np.pi)
    shifts = [(round(t * np.sin(angle)), round(t * np.cos(angle))) for t in np.linspace(0, length, 5)]
    return np.asarray(np.mean([np.roll(light, shift, axis=(0, 1)) for shift in shifts], axis=0), np.float32)


def _to_srgb(light: Picture, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Shoulder, sRGB curve, contrast, saturation and sharpening."""
    shoulder, contrast = rng.uniform(0.35, 0.75), rng.uniform(0, 0.25)
    x = np.clip(light, 0, None)
    x = np.clip(x * (1 + x / 4.5) / (1 + x * shoulder), 0, 1)
    x = np.where(x < 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    x = x + contrast * (x * x * (3 - 2 * x) - x)
    grey = x.mean(axis=-1, keepdims=True)
    x = np.asarray(grey + (x - grey) * rng.uniform(0.8, 1.2), np.float32)
    x = x + rng.uniform(0, 0.6) * (x - blur(x, 1.0))
    return np.asarray(np.clip(x, 0, 1) * 255 + 0.5, np.uint8)
