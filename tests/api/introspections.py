"""Introspection documents with the features that published tools use.

Tools send the document of graphql-js (GraphiQL, Altair, Insomnia, graphql-codegen, genql), one of
its earlier versions (Postman, get-graphql-schema, Relay, Rover, Hasura), or one of their own. Those
of their own here have the structure of sgqlc's, HotChocolate's, Apollo Kotlin's and Voyager's.
"""

from graphql import get_introspection_query

OPTIONS = (
    "descriptions",
    "specified_by_url",
    "directive_is_repeatable",
    "schema_description",
    "input_value_deprecation",
    "experimental_directive_deprecation",
    "one_of",
)


def of_graphql_js() -> dict[str, str]:
    """Return the document of graphql-js with no option, with each alone, and with all."""
    chosen = {"none": (), "all": OPTIONS} | {option: (option,) for option in OPTIONS}
    return {
        name: get_introspection_query(**{option: option in names for option in OPTIONS})
        for name, names in chosen.items()
    }


# A directive on each description and deprecation, in fragments that are spread many times.
WITH_DIRECTIVES = """
    query IntrospectionQuery($descriptions: Boolean!, $deprecated: Boolean!) {
      __schema {
        queryType { name }
        mutationType { name }
        subscriptionType { name }
        types { ...FullType }
        directives {
          name
          description @include(if: $descriptions)
          locations
          args { ...InputValue }
        }
      }
    }
    fragment FullType on __Type {
      kind
      name
      description @include(if: $descriptions)
      fields(includeDeprecated: $deprecated) {
        name
        description @include(if: $descriptions)
        args { ...InputValue }
        type { ...TypeRef }
        isDeprecated @include(if: $deprecated)
        deprecationReason @include(if: $deprecated)
      }
      inputFields { ...InputValue }
      interfaces { ...TypeRef }
      enumValues(includeDeprecated: $deprecated) {
        name
        description @include(if: $descriptions)
        isDeprecated @include(if: $deprecated)
        deprecationReason @include(if: $deprecated)
      }
      possibleTypes { ...TypeRef }
    }
    fragment InputValue on __InputValue {
      name
      description @include(if: $descriptions)
      type { ...TypeRef }
      defaultValue
    }
    fragment TypeRef on __Type {
      kind
      name
      ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }
    }
"""

# What the server supports, asked before a document that fits it.
FEATURES = """
    query Features {
      schema: __type(name: "__Schema") { fields { name } }
      type: __type(name: "__Type") { fields { name args { name } } }
      directive: __type(name: "__Directive") { fields { name args { name } } }
      field: __type(name: "__Field") { fields { name args { name } } }
      value: __type(name: "__InputValue") { fields { name } }
      member: __type(name: "__EnumValue") { fields { name } }
      location: __type(name: "__DirectiveLocation") { enumValues { name } }
      kind: __type(name: "__TypeKind") { enumValues { name } }
      subscriptions: __schema { subscriptionType { name } }
    }
"""

# No fragments, and the name of the type at each level.
WITHOUT_FRAGMENTS = """
    {
      __typename
      __schema {
        __typename
        queryType { __typename name }
        mutationType { __typename name }
        subscriptionType { __typename name }
        types {
          __typename kind name description
          fields(includeDeprecated: true) {
            __typename name description isDeprecated deprecationReason
            args { __typename name description defaultValue type %(type)s }
            type %(type)s
          }
          inputFields { __typename name description defaultValue type %(type)s }
          interfaces %(type)s
          enumValues(includeDeprecated: true) {
            __typename name description isDeprecated deprecationReason
          }
          possibleTypes %(type)s
        }
        directives {
          __typename name description locations isRepeatable
          args { __typename name description defaultValue type %(type)s }
        }
      }
    }
"""
NESTED = "{ __typename kind name %s }"


def _type(levels: int) -> str:
    inner = f"ofType {_type(levels - 1)}" if levels else ""
    return NESTED % inner


OWN = {
    "with directives": WITH_DIRECTIVES,
    "features": FEATURES,
    "without fragments": WITHOUT_FRAGMENTS % {"type": _type(7)},
}
# The values of every variable in a document above.
VARIABLES = {"descriptions": True, "deprecated": True}
