// PostGraphile, with the options that its manual recommends for production. Version 4,
// for the fifth does not run on Node 20.

import { createServer } from 'node:http'
import pg from 'pg'
import { postgraphile } from 'postgraphile'

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.DATABASE_POOL_SIZE),
  options: '-c TimeZone=UTC'
})

const handler = postgraphile(pool, 'public', {
  dynamicJson: true,
  setofFunctionsContainNulls: false,
  legacyRelations: 'omit',
  graphiql: false,
  disableQueryLog: true
})
const server = createServer(handler)
server.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
