"""What can be shown afterwards: ledgers with hearts, witnesses, bundles, assessments, and where a thing came from."""
