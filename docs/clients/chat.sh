#!/bin/sh
# chat.sh SERVER TOKEN BOT "What shall I say?"
# Sends a message and shows the events of the answer as they come.
set -eu
server=$1 token=$2 bot=$3 text=$4

# Asks GraphQL; the values travel as variables, so nothing in them is taken for a query.
ask() {
    curl --silent --show-error --no-buffer --retry 5 --retry-connrefused "$server$1" \
        --header "Authorization: Bearer $token" --header 'Content-Type: application/json' \
        --header "Accept: $2" --data "{\"query\": \"$3\", \"variables\": $4}"
}

quoted() { printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"; }

key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
turn=$(ask /graphql application/json \
    'mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { turn { id } userErrors { ... on UserError { message } } } }' \
    "{\"input\": {\"bot\": $(quoted "$bot"), \"text\": $(quoted "$text"), \"idempotencyKey\": \"$key\"}}")
id=$(printf %s "$turn" | sed -n 's/.*"turn":{"id":"\([^"]*\)".*/\1/p')
if [ -z "$id" ]; then
    echo "$turn" >&2
    exit 1
fi

ask /graphql/stream text/event-stream \
    'subscription Follow($turn: ID!) { turnEvents(turnId: $turn) { __typename seq ... on TurnTextDelta { text } } }' \
    "{\"turn\": \"$id\"}"
