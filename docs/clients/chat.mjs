// node chat.mjs SERVER TOKEN BOT "What shall I say?"
// Sends a message and prints the answer as it is written. Needs Node 18 and nothing else.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

const [server, token, bot, text] = process.argv.slice(2)

async function post(path, query, variables, accept) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept }
  for (;; await pause(1000)) {
    const body = JSON.stringify({ query, variables: variables() })
    const answer = await fetch(server + path, { method: 'POST', headers, body }).catch(() => null)
    if (answer && answer.status < 500 && answer.status !== 429) return answer
  }
}

// The same key again is the same message: trying again never says anything twice.
const input = { bot, text, idempotencyKey: randomUUID() }
const sent = await post('/graphql', `mutation Send($input: SendMessageInput!) { sendMessage(input: $input) {
  turn { id } userErrors { ... on UserError { message } } } }`, () => ({ input }), 'application/json')
const { data, errors } = await sent.json()
const failed = errors?.[0] ?? data.sendMessage.userErrors[0]
if (failed) throw new Error(failed.message)
const turnId = data.sendMessage.turn.id

// Whenever the stream breaks off, the next one goes on after the last event that was heard.
let after = 0
const query = `subscription Follow($turnId: ID!, $after: Int!) { turnEvents(turnId: $turnId, after: $after) {
  __typename seq ... on TurnTextDelta { text } ... on TurnFailed { message } } }`
for (let ended = false; !ended; ) {
  const stream = await post('/graphql/stream', query, () => ({ turnId, after }), 'text/event-stream')
  if (!stream.ok) throw new Error(await stream.text())
  let rest = ''
  try {
    for await (const piece of stream.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + piece).split('\n\n')
      rest = blocks.pop()
      for (const block of blocks) {
        if (block.startsWith('event: complete')) ended = true
        if (!block.startsWith('event: next\ndata: ')) continue
        const { data, errors } = JSON.parse(block.slice('event: next\ndata: '.length))
        if (errors) throw Object.assign(new Error(errors[0].message), { final: true })
        const event = data.turnEvents
        after = event.seq
        if (event.__typename === 'TurnTextDelta') process.stdout.write(event.text)
        if (event.__typename === 'TurnRestarted') process.stdout.write('\n(once more)\n')
        if (event.__typename === 'TurnFailed') process.stdout.write(event.message)
      }
    }
  } catch (error) {
    if (error.final) throw error
  }
}
process.stdout.write('\n')
