// The peer in Node: Fastify and Mercurius with its JIT, SQL written by hand and prepared
// by name, and a loader that fetches the log entries of all tickets at once.

import Fastify from 'fastify'
import { GraphQLEnumType, buildSchema, isEnumType } from 'graphql'
import mercurius from 'mercurius'
import { randomUUID } from 'node:crypto'
import pg from 'pg'

// A moment as PostgreSQL writes it in UTC, to RFC 3339: cheaper than a Date, and exact.
pg.types.setTypeParser(
  pg.types.builtins.TIMESTAMPTZ,
  (text) => `${text.slice(0, 10)}T${text.slice(11, -3)}Z`
)

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.DATABASE_POOL_SIZE),
  options: '-c TimeZone=UTC'
})

const schema = buildSchema(`
  scalar DateTime
  scalar JSON

  enum TicketStatus { OPEN IN_PROGRESS PENDING RESOLVED CLOSED }
  enum TicketPriority { LOW MEDIUM HIGH }
  enum LogAction { SEND RETRY QUERY }
  enum LogStatus { SUCCESS FAILED }

  type Ticket {
    id: ID!
    subject: String!
    description: String!
    status: TicketStatus!
    priority: TicketPriority!
    category: String!
    customerName: String!
    customerEmail: String!
    metadata: JSON
    createdAt: DateTime!
    updatedAt: DateTime!
    version: Int!
    logEntries(first: Int!): LogEntryConnection!
  }
  type LogEntry {
    id: ID!
    action: LogAction!
    status: LogStatus!
    timestamp: DateTime!
  }
  type LogEntryConnection { nodes: [LogEntry!]! }
  type TicketEdge { cursor: String! node: Ticket! }
  type PageInfo {
    hasNextPage: Boolean!
    hasPreviousPage: Boolean!
    startCursor: String
    endCursor: String
  }
  type TicketConnection { edges: [TicketEdge!]! nodes: [Ticket!]! pageInfo: PageInfo! }

  input TicketStatusFilter { eq: TicketStatus }
  input TicketPriorityFilter { eq: TicketPriority }
  input TicketFilter { search: String status: TicketStatusFilter priority: TicketPriorityFilter }

  input CreateTicketInput {
    subject: String!
    description: String!
    customerName: String!
    customerEmail: String!
    priority: TicketPriority
    category: String
    metadata: JSON
  }
  input UpdateTicketInput { id: ID! subject: String status: TicketStatus }
  type UserError { message: String! }
  type TicketPayload { ticket: Ticket errors: [UserError!]! }

  type Query {
    ticket(id: ID!): Ticket
    tickets(first: Int!, after: String, filter: TicketFilter): TicketConnection!
  }
  type Mutation {
    createTicket(input: CreateTicketInput!): TicketPayload!
    updateTicket(input: UpdateTicketInput!): TicketPayload!
  }
`)

// Enums are stored in lower case.
for (const type of Object.values(schema.getTypeMap())) {
  if (isEnumType(type) && !type.name.startsWith('__')) {
    const config = type.toConfig()
    for (const [name, value] of Object.entries(config.values)) value.value = name.toLowerCase()
    Object.assign(type, new GraphQLEnumType(config))
  }
}

const COLUMNS = `
  id, subject, description, status, priority, category, customer_name AS "customerName",
  customer_email AS "customerEmail", metadata, created_at AS "createdAt"
`
const RETURNED = `${COLUMNS}, updated_at AS "updatedAt", version`
const NEWEST_FIRST = 'ORDER BY created_at DESC, id DESC'

const SQL = {
  one: `SELECT ${COLUMNS} FROM tickets WHERE id = $1`,
  list: `SELECT ${COLUMNS} FROM tickets ${NEWEST_FIRST} LIMIT $1`,
  after: `
    SELECT ${COLUMNS} FROM tickets WHERE (created_at, id) < ($2, $3) ${NEWEST_FIRST} LIMIT $1`,
  filtered: `
    SELECT ${COLUMNS} FROM tickets WHERE status = $2 AND priority = $3 ${NEWEST_FIRST} LIMIT $1`,
  // As this server does it: the newest first, and the index where there is no page among these.
  search: `
    WITH nearest AS MATERIALIZED (
      SELECT * FROM (SELECT * FROM tickets ${NEWEST_FIRST} LIMIT 2100) AS in_order
      WHERE search @@ (SELECT ticket_search_query($2)) LIMIT $1
    ), last AS MATERIALIZED (
      SELECT created_at, id FROM tickets ${NEWEST_FIRST} LIMIT 1 OFFSET 2099
    ), others AS (
      SELECT * FROM tickets
      WHERE search @@ (SELECT ticket_search_query($2))
        AND (SELECT count(*) FROM nearest) < $1 AND EXISTS (SELECT FROM last)
      OFFSET 0
    )
    SELECT ${COLUMNS} FROM (
      SELECT * FROM nearest
      UNION ALL
      (SELECT * FROM others WHERE (created_at, id) < (SELECT * FROM last) ${NEWEST_FIRST} LIMIT $1)
    ) AS found ${NEWEST_FIRST} LIMIT $1`,
  logEntries: `
    SELECT entry.*
    FROM unnest($1::text[]) WITH ORDINALITY AS parent (id, place)
    CROSS JOIN LATERAL (
      SELECT id, action, status, timestamp, ticket_id AS "ticketId"
      FROM log_entries
      WHERE ticket_id = parent.id
      ORDER BY timestamp DESC, id DESC
      LIMIT $2
    ) AS entry
    ORDER BY parent.place`,
  create: `
    WITH ticket AS (
      INSERT INTO tickets
        (id, subject, description, priority, category, customer_name, customer_email, metadata)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
      RETURNING *
    ), event AS (
      INSERT INTO ticket_events (id, ticket_id, type, at, changes)
      SELECT $9, id, 'created', created_at, $10 FROM ticket
    )
    SELECT ${RETURNED} FROM ticket`,
  update: `
    WITH old AS (
      SELECT id, subject, status FROM tickets WHERE id = $1 FOR UPDATE
    ), ticket AS (
      UPDATE tickets
      SET subject = coalesce($2, tickets.subject), status = coalesce($3, tickets.status),
        version = version + 1, updated_at = clock_timestamp()
      FROM old
      WHERE tickets.id = old.id
      RETURNING tickets.*, old.subject AS old_subject, old.status AS old_status
    ), event AS (
      INSERT INTO ticket_events (id, ticket_id, type, at, changes)
      SELECT $4, id, 'updated', updated_at,
        CASE WHEN subject = old_subject THEN '[]' ELSE jsonb_build_array(
          jsonb_build_object('field', 'subject', 'before', old_subject, 'after', subject)) END
        || CASE WHEN status = old_status THEN '[]' ELSE jsonb_build_array(
          jsonb_build_object(
            'field', 'status', 'before', upper(old_status), 'after', upper(status))) END
      FROM ticket
    )
    SELECT ${RETURNED} FROM ticket`
}

async function rows (name, values) {
  return (await pool.query({ name, text: SQL[name], values })).rows
}

const cursorOf = (ticket) =>
  Buffer.from(JSON.stringify([ticket.createdAt, ticket.id])).toString('base64url')

function found ({ first, after, filter }) {
  const limit = first + 1
  if (filter?.search) return rows('search', [limit, filter.search])
  if (filter) return rows('filtered', [limit, filter.status.eq, filter.priority.eq])
  if (after) return rows('after', [limit, ...JSON.parse(Buffer.from(after, 'base64url'))])
  return rows('list', [limit])
}

const resolvers = {
  Query: {
    ticket: async (_, { id }) => (await rows('one', [id]))[0] ?? null,
    tickets: async (_, args) => {
      const nodes = await found(args)
      const hasNextPage = nodes.length > args.first
      if (hasNextPage) nodes.pop()
      return { nodes, hasNextPage, hasPreviousPage: Boolean(args.after) }
    }
  },
  TicketConnection: {
    edges: ({ nodes }) => nodes.map((node) => ({ cursor: cursorOf(node), node })),
    pageInfo: ({ nodes, hasNextPage, hasPreviousPage }) => ({
      hasNextPage,
      hasPreviousPage,
      startCursor: nodes.length ? cursorOf(nodes[0]) : null,
      endCursor: nodes.length ? cursorOf(nodes[nodes.length - 1]) : null
    })
  },
  Mutation: {
    createTicket: async (_, { input }) => {
      const { subject, description, customerName, customerEmail, metadata } = input
      const priority = input.priority ?? 'medium'
      const category = input.category ?? 'general'
      const told = {
        subject,
        description,
        status: 'OPEN',
        priority: priority.toUpperCase(),
        category,
        customerName,
        customerEmail,
        metadata
      }
      const changes = []
      for (const field in told) {
        if (told[field] != null) changes.push({ field, before: null, after: told[field] })
      }
      const [ticket] = await rows('create', [
        randomUUID(), subject, description, priority, category, customerName, customerEmail,
        metadata == null ? null : JSON.stringify(metadata), randomUUID(), JSON.stringify(changes)
      ])
      return { ticket, errors: [] }
    },
    updateTicket: async (_, { input }) => {
      const [ticket] = await rows('update', [input.id, input.subject, input.status, randomUUID()])
      return ticket ? { ticket, errors: [] } : { errors: [{ message: 'There is no such ticket.' }] }
    }
  }
}

const loaders = {
  Ticket: {
    logEntries: async (queries) => {
      const entries = await rows('logEntries', [
        queries.map(({ obj }) => obj.id), queries[0].params.first
      ])
      const byTicket = new Map(queries.map(({ obj }) => [obj.id, { nodes: [] }]))
      for (const entry of entries) byTicket.get(entry.ticketId).nodes.push(entry)
      return queries.map(({ obj }) => byTicket.get(obj.id))
    }
  }
}

const app = Fastify()
app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false })
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
process.on('SIGTERM', () => app.close().then(() => process.exit(0)))
