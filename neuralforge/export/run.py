"""From a run to a file with a certificate: what the command line calls."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuralforge.errors import UserError
from neuralforge.export.certificate import Certificate
from neuralforge.export.exporter import DEFAULT_TIME_LIMIT_SECS, Exporter, make
from neuralforge.export.trained import TrainedModel, Weights, load_trained
from neuralforge.runs.atomic import replacing
from neuralforge.runs.errors import reason


class _NotPassed(Exception):
    def __init__(self, certificate: Certificate) -> None:
        super().__init__(certificate.why)
        self.certificate = certificate


def export_run(
    folder: Path,
    target: str,
    file: Path,
    *,
    weights: Weights = "last",
    trust: bool = False,
    time_limit_secs: float = DEFAULT_TIME_LIMIT_SECS,
) -> Certificate:
    """Export the network of a run, and hold the file against the original.

    Args:
        folder: Folder of the run, or its file.
        target: Key of the exporter.
        file: The file to be written. What is there is replaced only by a file that has passed.
        weights: "last" or "best".
        trust: Whether the source that is stored in the log may be run where it differs from the document's.
        time_limit_secs: How long the check may take.

    Returns:
        What was measured; where it has not passed, nothing was written.

    Raises:
        Altered: When the log or the data were altered.
        NeedsTrust: When the stored source differs, and `trust` is not given.
        UserError: When the run cannot be read, the format cannot express the network, or the file cannot be written.
    """
    exporter = make(target)
    check_place(file)  # before the data is loaded
    model = load_trained(folder, weights=weights, trust=trust)
    return export_model(model, exporter, file, time_limit_secs=time_limit_secs)


def export_model(
    model: TrainedModel, exporter: Exporter[Any], file: Path, *, time_limit_secs: float = DEFAULT_TIME_LIMIT_SECS
) -> Certificate:
    """Write a network to a file under a temporary name, verify it, and only then give it its name.

    Args:
        model: The network.
        exporter: The target, with its options.
        file: The file to be written. What is there is replaced only by a file that has passed.
        time_limit_secs: How long the check may take.

    Returns:
        What was measured; where it has not passed, nothing was written.

    Raises:
        UserError: When the format cannot express the network, or the file cannot be written.
    """
    check_place(file)
    refusals = exporter.check(model)
    if refusals:
        raise UserError(" ".join(refusals))
    try:
        with replacing(file) as temporary:
            notes = exporter.write(model, temporary)
            certificate = exporter.verify(model, temporary, time_limit_secs=time_limit_secs)
            certificate = replace(certificate, file=str(file), notes=(*certificate.notes, *notes))
            if not certificate.passed:
                raise _NotPassed(certificate)
    except _NotPassed as failure:
        return replace(failure.certificate, notes=(*failure.certificate.notes, "Nothing was written."))
    except OSError as error:
        raise UserError(f"{file} cannot be written: {reason(error)}.") from None
    return certificate


def check_place(file: Path) -> None:
    """Refuse a place where no file can be written.

    Args:
        file: The file.

    Raises:
        UserError: When its folder is missing or read-only, or it is a folder itself.
    """
    parent = file.absolute().parent
    if not parent.is_dir():
        raise UserError(f"{file} cannot be written: there is no folder {parent}.")
    if file.is_dir():
        raise UserError(f"{file} cannot be written: it is a folder.")
    if not os.access(parent, os.W_OK):
        raise UserError(f"{file} cannot be written: the folder {parent} is read-only.")
