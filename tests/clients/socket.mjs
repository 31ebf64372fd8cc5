// node socket.mjs SERVER TOKEN BOT: the client that most pages use, over sockets that break.
import assert from 'node:assert/strict'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

const [server, token, bot] = process.argv.slice(2)
let opened = 0
let socket
const client = createClient({
  url: `${server.replace('http', 'ws')}/graphql/ws`,
  webSocketImpl: WebSocket,
  connectionParams: () => ({ authorization: `Bearer ${token}` }),
  retryWait: () => new Promise(resolve => setTimeout(resolve, 50)),
  on: { opened: opening => (opened++, (socket = opening)) },
})

const once = async (query, variables) => {
  for await (const result of client.iterate({ query, variables })) return result
}

const sent = await once(
  'mutation S($input: SendMessageInput!) { sendMessage(input: $input) { turn { id } userErrors { __typename } } }',
  { input: { bot, text: 'Say something long.', idempotencyKey: 'socket-1' } },
)
const turnId = sent.data.sendMessage.turn.id

// The socket is cut after every second event: whoever asks again with `after` misses nothing.
const follow = 'subscription F($turnId: ID!, $after: Int!) { turnEvents(turnId: $turnId, after: $after) { __typename seq ... on TurnTextDelta { fromSeq text } } }'
let [text, after, ended, cuts] = ['', 0, false, 0]
while (!ended) {
  let heard = 0
  for await (const { data, errors } of client.iterate({ query: follow, variables: { turnId, after } })) {
    assert.equal(errors, undefined)
    const event = data.turnEvents
    assert.equal(event.fromSeq ?? event.seq, after + 1, 'events follow each other')
    after = event.seq
    if (event.__typename === 'TurnTextDelta') text += event.text
    if (event.__typename === 'TurnCompleted') ended = true
    if (!ended && ++heard === 2) {
      cuts++
      socket.terminate()
      break
    }
  }
}
const { data } = await once('query T($id: ID!) { turn(id: $id) { text state lastSeq } }', { id: turnId })
assert.deepEqual(data.turn, { text, state: 'COMPLETED', lastSeq: after })
assert.ok(cuts > 2 && opened > cuts, `cut ${cuts} times, opened ${opened}`)

// What cannot be executed is an error of its operation, and the socket lives on.
await assert.rejects(once('{ nothing }'), error => error[0].extensions.code === 'GRAPHQL_VALIDATION_FAILED')
await assert.rejects(once('{'), error => error[0].extensions.code === 'GRAPHQL_PARSE_FAILED')
assert.equal((await once('{ viewer { account { name } } }')).data.viewer.account.name, 'default')
await client.dispose()
console.log(`the text is whole after ${cuts} cuts`)
