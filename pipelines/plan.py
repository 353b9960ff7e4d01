"""What is sent next, and the whole as text.

Nothing here knows Celery: `routes` says for every step what straight run begins with it and at which join that run ends,
`segments` makes chains, groups and chords of the steps that are ready, `tree` draws the whole workflow for people.
"""
