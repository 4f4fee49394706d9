"""What an earlier run settled of ``compute``, read with the distrust that a user's own file meets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ftbench.errors import BadInput

MOST_THREADS = 4096


class _Settled(BaseModel):
    """As ``ftbench.machine.compute.settle`` gives it where everything is ``auto``."""

    model_config = ConfigDict(strict=True)
    device: Literal["cpu", "cuda"]
    precision: Literal["float32", "bfloat16"]
    threads: int = Field(ge=1, le=MOST_THREADS)
    threads_small: int | None = Field(None, ge=1, le=MOST_THREADS)
    """For images up to ``compute.SMALL``; None in files of earlier releases, which settled one number for all."""
    compile: Literal["none", "default"]
    processes: int = Field(1, ge=1, le=64)

    @model_validator(mode="after")
    def _one_a_processor(self) -> _Settled:
        if self.device == "cpu" and self.processes > 1:
            raise ValueError("processes is more than 1, which nothing settles on a processor")
        return self


def read_settled(file: Path) -> tuple[dict[str, Any] | None, str]:
    """(what was settled, ""), (None, "") where there is no file, or (None, what is wrong with it).

    Raises BadInput where it may not be read.
    """
    try:
        held = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}; mend its permissions, or use --out") from error
    except (ValueError, RecursionError):
        return None, "it is no JSON"
    try:
        return _Settled.model_validate(held).model_dump(exclude_none=True), ""
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return None, f"{place}: {first['msg'].lower()}".removeprefix(": ")
