"""The policies of running the house."""

from core.policies import Policy, declare

NIGHT_WORKERS = declare(
    Policy(
        name="NIGHT_WORKERS",
        default=2,
        minimum=1,
        maximum=64,
        unit="processes",
        help="How many processes work through the night's chunks.",
    )
)
NIGHT_CHUNK_PLAYERS = declare(
    Policy(
        name="NIGHT_CHUNK_PLAYERS",
        default=20_000,
        minimum=10,
        maximum=1_000_000,
        unit="players",
        help="How many players one transaction of the night works on at most, about.",
    )
)
