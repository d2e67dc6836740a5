export default {
  schema: 'schema.graphql',
  documents: ['src/**/*.ts'],
  importExtension: '.js', // for Node's own modules; a bundler needs none
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: {
        fragmentMasking: false,
        persistedDocuments: true, // the manifest for PERSISTED_DOCUMENTS, and its hash in each document
      },
      config: {
        documentMode: 'string', // a text with its types: nothing to parse in the browser
        strictScalars: true, // no scalar is `any`
        scalars: { DateTime: 'string', JSON: 'unknown' },
        skipTypename: true, // select __typename in errors: a literal to switch on
        enumsAsTypes: true,
        useTypeImports: true,
        immutableTypes: true,
      },
    },
  },
};
