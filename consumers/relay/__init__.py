"""Tells other services of new versions of buyer groups: from the outbox to the topic, in order, none lost."""
