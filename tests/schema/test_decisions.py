"""Who resolves the fields of our own schema."""

from schema.build import prepared_schema
from schema.preparation.decisions import Route

# Each subscription is opened once; its events are read from columns.
SUBSCRIPTIONS = {"Subscription.ticketEvents", "Subscription.logEntryAdded"}


def test_the_engine_resolves_every_field_but_subscriptions() -> None:
    decisions = prepared_schema().decisions
    by_engine = {Route.ATTRIBUTE, Route.FAST}
    others = {name for name, decision in decisions.items() if decision.route not in by_engine}
    assert others == SUBSCRIPTIONS
    assert all(decision.reason for decision in decisions.values())


def test_our_schema_needs_neither_rules_nor_middleware() -> None:
    prepared = prepared_schema()
    assert prepared.validation == ()
    assert prepared.middleware is None
