// The configuration that gives the nicest types; the README has it, ready to copy.
export default {
  schema: 'schema.graphql',
  documents: ['*.ts'],
  // For Node's own modules; a bundler needs none.
  importExtension: '.js',
  generates: {
    'gql/': {
      preset: 'client',
      presetConfig: {
        fragmentMasking: false,
        // Writes persisted-documents.json, for DOCUMENTS, and its hash into each document.
        persistedDocuments: true,
      },
      config: {
        // A text with its types, and nothing to parse in the browser.
        documentMode: 'string',
        // No scalar is `any`.
        strictScalars: true,
        scalars: { DateTime: 'string', JSON: 'unknown' },
        // __typename where it is selected, as a literal that a switch can tell apart.
        skipTypename: true,
        enumsAsTypes: true,
        useTypeImports: true,
        immutableTypes: true,
      },
    },
  },
};
