// node breaking.mjs OLD NEW: what would break clients that were written for the old schema.
import { readFileSync } from 'node:fs'
import { CriticalityLevel, diff } from '@graphql-inspector/core'
import { buildSchema } from 'graphql'

const [old, fresh] = process.argv.slice(2, 4).map(file => buildSchema(readFileSync(file, 'utf8')))
const changes = await diff(old, fresh)
const breaking = changes.filter(change => change.criticality.level === CriticalityLevel.Breaking)
for (const change of breaking) console.log(`breaking: ${change.message}`)
console.log(`${changes.length} changes of the schema, ${breaking.length} of them breaking`)
process.exit(breaking.length > 0 ? 1 : 0)
