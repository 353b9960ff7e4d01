"""Communications: mails and text messages to customers, from editable templates, and links that show a secret once.

The room owns templates, messages and secret links. Invariants: a message is rendered and stored in the transaction that
wants it, and sent after its commit; one key of an owner is one message, however often it is asked for; a message that could
not be delivered is `failed` and says why; of a secret link only the hash of its token is kept, and of any number of callers
at once no more than its views are shown the secret.
"""
