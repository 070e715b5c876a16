"""The names and keys that all relays are set up with, and that the MQ knows. They are valid nowhere else."""

TOPIC, MQ_TOPIC = "bench-ons", "bench-mq"  # over ONS HTTP, over MQ HTTP
PRODUCER_GROUP, CONSUMER_GROUP = "PID_bench", "GID_bench"
ACCESS_KEY, SECRET_KEY = "bench-access-key", "bench-secret-key-not-real"
