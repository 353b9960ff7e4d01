"""Communications: mails to customers, from editable templates.

The room owns templates and messages. Invariants: a message is rendered and stored in the transaction that wants it, and sent
after its commit; one key of an owner is one message, however often it is asked for; a message that could not be delivered is
`failed` and says why.
"""
