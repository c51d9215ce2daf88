"""The redemption catalogue: options edited through the service, orders fulfilled and cancelled by it."""

from rewards.admin.redemption import options, orders

__all__ = ["options", "orders"]
