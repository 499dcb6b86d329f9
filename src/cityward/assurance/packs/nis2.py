"""NIS2, articles 21 and 23: the measures a city's suppliers and services are asked for, as far as we map them."""

from __future__ import annotations

from cityward.assurance.packs.telling import Clause, Pack

PACK = Pack(
    id="nis2",
    framework="NIS2",
    title="Directive (EU) 2022/2555, articles 21 and 23",
    publisher="European Union",
    version="as adopted; national law decides",
    dated="2022-12-14",
    source="field guide of this project, section A.2",
    left_out="Article 21(2) a, b, c, e, g, i: the field guide does not say what each is about; read them in the original.",
    clauses=(
        Clause(
            "21.2.d",
            "The supply chain, with what each direct supplier can do",
            ("J-01", "J-05", "J-07", "J-08", "J-11"),
        ),
        Clause("21.2.f", "Whether the measures work is looked at", ("R-08", "K-09")),
        Clause("21.2.h", "Encryption, and who holds the keys", ("P-08", "X-06")),
        Clause("21.2.j", "More than a password to come in"),
        Clause("21.3", "The weaknesses of each supplier are taken into account", ("J-01", "J-06", "J-08", "R-04")),
        Clause("23", "Told in time: 24 hours, 72 hours, one month", ("R-07",)),
    ),
)
