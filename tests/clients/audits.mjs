// node audits.mjs SERVER: the audits of GraphQL over HTTP, which ask with both media types.
import { serverAudits } from 'graphql-http'

const url = `${process.argv[2]}/graphql`
const audits = serverAudits({ url, fetchFn: fetch })
let ok = 0
for (const audit of audits) {
  const { status, id, name, reason } = await audit.fn()
  if (status === 'ok') ok++
  else console.log(`${status} ${id} ${name}: ${reason}`)
}
console.log(`${ok} of ${audits.length} ok`)
process.exit(ok === audits.length && ok === 61 ? 0 : 1)
