"""Threagile models (YAML or JSON; data model 1), also as older and newer versions of the tool and its forks spell them.

| Threagile | here |
|---|---|
| technical asset | system; a device with a model where its technology is one of the street |
| asset titled like an owner | a thing beside the party, which has the plain id |
| its owner | party; operator of the system (assumed), owner of the device |
| its technology | kind of the system |
| data assets stored | `stores` |
| encryption other than none | key at rest, holder unknown |
| availability critical or more | `critical` |
| data asset | dataset; confidentiality as sensitivity; personal is assumed |
| communication link | a flow for what is sent, a second one for what is received; protocol, protection; route unknown |
| trust boundary | zone; its rank is assumed 0 |
| shared runtime | system that those running on it need |
| risks, tracking, diagrams, texts | counted as not carried over |
"""

from __future__ import annotations

from collections.abc import Sequence

from cityward.adapters.exchange.imports.contract import File
from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.formats.threagile.model import Model
from cityward.adapters.exchange.imports.threat_model import models_of

FORMAT = "threagile"
TITLE = "Threagile model (YAML)"
_MARKS = ("threagile_version", "technical_assets", "data_assets", "trust_boundaries", "shared_runtimes")


def read(files: Sequence[File], draft: Draft) -> None:
    """Fill the draft from models.

    Raises:
        DecodeError: a file is no model, or cannot be read.
    """
    for model in models_of(
        files, "a Threagile model", _MARKS, "name a Threagile model: a mapping with `technical_assets`"
    ):
        Model(model, draft).read()
