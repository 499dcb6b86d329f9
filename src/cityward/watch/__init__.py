"""Who attacks: one folder per detector under `detectors/`; neutral events in, findings out.

Pure and bounded: a detector keeps what its parameters say and no more. Judgement is here, enforcement is in `guard`.
"""
