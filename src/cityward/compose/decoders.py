"""The scripts of vendors that a declaration names: read from beside it, held to their digests, and given to their child."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from cityward.adapters.vendor_codecs.exchange import MOST_SCRIPT
from cityward.adapters.vendor_codecs.host import VendorCodecs
from cityward.errors import PlaceError, PlaceErrors
from cityward.place.model import Place


def decoder_scripts(place: Place, folder: Path) -> dict[str, str]:
    """The scripts by device model.

    Raises:
        PlaceErrors: one is not there, too long, no text, or not the one that was declared.
    """
    found: dict[str, str] = {}
    wrong: list[PlaceError] = []
    for name, model in place.device_models.items():
        if model.decoder is not None:
            try:
                found[name] = _script(folder / model.decoder.script, model.decoder.sha256)
            except ValueError as error:
                what = f"the decoder `{model.decoder.script}` {error}"
                mend = "put the script beside the declaration, read it, and give its digest: sha256sum"
                wrong.append(PlaceError(what, where=f"device_models.{name}.decoder", mend=mend))
    if wrong:
        raise PlaceErrors(wrong)
    return found


def vendor_codecs(place: Place, folder: Path) -> VendorCodecs | None:
    """Who runs them; None where no model has one: no child is started then.

    Raises:
        PlaceErrors: as `decoder_scripts`.
    """
    scripts = decoder_scripts(place, folder)
    return VendorCodecs(scripts) if scripts else None


def _script(path: Path, digest: str) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(MOST_SCRIPT + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    if len(body) > MOST_SCRIPT:
        raise ValueError(f"is longer than {MOST_SCRIPT} bytes")
    if (found := sha256(body).hexdigest()) != digest:
        raise ValueError(f"has the digest {found}, not the declared {digest}")
    return body.decode()
