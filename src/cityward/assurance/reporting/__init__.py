"""What a report says, as data: page one, principles, controls, what changed since the last one; and the same as OSCAL.

Pure. Does not live here: files, pictures of it (HTML, PDF), signing (`compose/reporting`).
"""
