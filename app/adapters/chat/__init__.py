"""Chat: the channels by which a team is told (mail, Slack, Teams, webhooks, PagerDuty ...), all by one library.

Invariant: an address holds credentials, so neither errors nor logs repeat it; what is shown of a channel is its service.
"""
