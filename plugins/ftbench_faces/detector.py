"""A detector that the user gives as a file: YuNet, as OpenCV runs it.

Its inputs and outputs stand in opencv/opencv: modules/objdetect/src/face_detect.cpp, and the files in
opencv/opencv_zoo: models/face_detection_yunet. No such file was at hand.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SIDE = 640
"""Pixels of the squares that are looked at: what the file of March 2023 was exported for."""
SURE = 0.9
"""Score from which on something is a face; this, and what follows, are OpenCV's own defaults."""
OVERLAP, MOST = 0.3, 5000
MISSING = "a face detector needs OpenCV, which is not installed; pip install 'ftbench[graphics]'"


class Detector:
    """``square (640,640,3) uint8, RGB -> points of every face in it (n,5,2)``, as shares of the side from its edge.

    Points are eyes, tip of the nose and corners of the mouth, left first as the viewer sees them. Raises ValueError,
    one sentence, where the file is no such detector.
    """

    def __init__(self, file: Path) -> None:
        if not importlib.util.find_spec("cv2"):
            raise ValueError(MISSING)
        if not file.is_file():
            raise ValueError(f"there is no file {file.name!r}; give YuNet's .onnx file")
        self.cv2: Any = importlib.import_module("cv2")
        printed = self.cv2.utils.logging
        level = printed.getLogLevel()
        try:
            # It would print what the sentence says, and that it was built without some accelerators.
            printed.setLogLevel(printed.LOG_LEVEL_SILENT)
            # By its bytes, since OpenCV cannot open every name that a file may have.
            content = np.frombuffer(file.read_bytes(), np.uint8)
            nothing = np.empty(0, np.uint8)
            create = self.cv2.FaceDetectorYN.create
            self.network = create("onnx", content, nothing, (SIDE, SIDE), SURE, OVERLAP, MOST)
            self(np.full((SIDE, SIDE, 3), 128, np.uint8))
        # OpenCV's errors tell of its own lines; one of its older releases fails with a SystemError.
        except (self.cv2.error, SystemError, OSError) as error:
            raise ValueError(
                f"{file.name!r} is no face detector of YuNet's kind: one input 'input' of {SIDE} px, and outputs cls, "
                "obj, bbox and kps of 8, 16 and 32 px; give face_detection_yunet_2023mar.onnx or one like it"
            ) from error
        finally:
            printed.setLogLevel(level)

    def __call__(self, square: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Faces, the surest first."""
        _, found = self.network.detect(np.ascontiguousarray(square[..., ::-1]))
        rows = np.empty((0, 15)) if found is None else np.asarray(found, dtype=np.float64)
        return (rows[:, 4:14].reshape(-1, 5, 2) + 0.5) / SIDE
