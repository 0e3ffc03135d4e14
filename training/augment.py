"""What phones and cameras do to a picture, as an albumentations pipeline for the trainer.

Geometry (rotation, perspective, scale, mosaic) is the trainer's own and set in the YAML; this is light and signal:
JPEG, small sensors, motion and focus blur, noise, low light, colour casts. Pictures are BGR uint8.
"""

from typing import Any

import albumentations as A


def degradations() -> list[Any]:
    """Transforms in the order light -> lens -> sensor -> codec."""
    return [
        A.OneOf(
            [
                A.RandomGamma(gamma_limit=(60, 200), p=1.0),
                A.RandomBrightnessContrast(brightness_limit=(-0.45, 0.25), contrast_limit=0.3, p=1.0),
                A.CLAHE(clip_limit=3.0, p=1.0),
            ],
            p=0.4,
        ),
        A.ToGray(p=0.03),  # night cameras
        A.OneOf(
            [A.MotionBlur(blur_limit=(3, 9), p=1.0), A.GaussianBlur(sigma_limit=(0.5, 2.0), p=1.0)], p=0.2
        ),
        A.OneOf([A.ISONoise(p=1.0), A.GaussNoise(std_range=(0.02, 0.1), p=1.0)], p=0.2),
        A.Downscale(scale_range=(0.4, 0.8), p=0.1),
        A.ImageCompression(quality_range=(25, 90), p=0.35),
    ]
