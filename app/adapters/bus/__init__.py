"""The event bus: where domain events go after their commit.

port            what a bus does
redis_streams   a Redis stream
kafka           a Kafka topic
registry        which of them the settings name
"""
