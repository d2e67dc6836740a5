import plugin from '@graphql-eslint/eslint-plugin';

export default [
  {
    files: ['**/*.graphql'],
    languageOptions: {
      parser: plugin.parser,
      parserOptions: { graphQLConfig: { schema: 'schema.graphql' } },
    },
    plugins: { '@graphql-eslint': plugin },
    rules: {
      ...plugin.configs['flat/schema-recommended'].rules,
      ...plugin.configs['flat/schema-relay'].rules,
      // An answer, a page or a failure is no thing that could be fetched again, nor are these five.
      '@graphql-eslint/strict-id-in-types': [
        'error',
        {
          exceptions: {
            suffixes: ['Payload', 'Connection', 'Edge', 'Error'],
            types: ['FieldChange', 'OpsHealth', 'PageInfo', 'TicketGroup', 'Viewer'],
          },
        },
      ],
      // Relay's specification has no such rule: `nodes` beside `edges` spares who needs no cursor
      // a level, and short lists, like that of errors, have no pages.
      '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
    },
  },
];
