"""What only people can see: the list of statements on places, people and offices that a city is asked for, as data.

A statement is put on record by `cityward attest`; the controls H-01 to H-03 judge whether one is in force. The questions follow
the themes of national advice on physical and personnel security; the words are ours.
"""
