// node audits.mjs SERVER SCHEMA: the audits of GraphQL over HTTP, which ask with both media types; and whether tools
// that ask the server for its schema get the one in the file.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql'
import { serverAudits } from 'graphql-http'

const url = `${process.argv[2]}/graphql`
const everything = { specifiedByUrl: true, directiveIsRepeatable: true, inputValueDeprecation: true, oneOf: true }
const query = getIntrospectionQuery(everything)
const headers = { 'content-type': 'application/json' }
const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) })
const { data, errors } = await answer.json()
assert.equal(errors, undefined)
const printed = schema => printSchema(lexicographicSortSchema(schema))
assert.equal(printed(buildClientSchema(data)), printed(buildSchema(readFileSync(process.argv[3], 'utf8'))))

const audits = serverAudits({ url, fetchFn: fetch })
let ok = 0
for (const audit of audits) {
  const { status, id, name, reason } = await audit.fn()
  if (status === 'ok') ok++
  else console.log(`${status} ${id} ${name}: ${reason}`)
}
console.log(`${ok} of ${audits.length} ok`)
process.exit(ok === audits.length && ok === 61 ? 0 : 1)
