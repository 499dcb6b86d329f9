"""Why to believe: one file per control under `controls/`, the frameworks they answer, the report.

A result is proven, stated, failed, unknown, not applicable or accepted risk; unknown is never shown as a pass.
"""
