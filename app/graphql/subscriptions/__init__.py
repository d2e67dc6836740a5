"""app/graphql/subscriptions."""
