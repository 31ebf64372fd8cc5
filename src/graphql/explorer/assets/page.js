// The explorer's own part: the token, and the two roads to the server.
(() => {
  "use strict";
  const KEPT = "botwright-token";
  const field = document.getElementById("token");
  const state = document.getElementById("token-state");
  let client = null;

  // Kept for this tab only, and gone with it.
  field.value = sessionStorage.getItem(KEPT) || "";
  const authorization = () => (field.value.trim() ? `Bearer ${field.value.trim()}` : null);

  async function post(params, headers) {
    const authorized = authorization();
    const response = await fetch("/graphql", {
      method: "POST",
      credentials: "omit",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json",
        ...(authorized ? { authorization: authorized } : {}),
        ...headers,
      },
      body: JSON.stringify(params),
    });
    return response.json();
  }

  async function tellWhoIsAsking() {
    if (!authorization()) {
      state.textContent = "Paste a token: `botwright token create --scopes chat,read` prints one.";
      return;
    }
    try {
      const { data, errors } = await post({ query: "{ viewer { person { name } account { name } scopes } }" });
      state.textContent = data
        ? `${data.viewer.person.name} in ${data.viewer.account.name}: ${data.viewer.scopes.join(", ")}`
        : errors[0].message;
    } catch {
      state.textContent = "The server cannot be reached.";
    }
  }

  // A socket introduces itself once, so another token needs another socket.
  function socket(headers) {
    const given = Object.entries(headers || {}).find(([name]) => name.toLowerCase() === "authorization");
    const authorized = given ? given[1] : authorization();
    if (client && client.authorized !== authorized) {
      client.dispose();
      client = null;
    }
    if (!client) {
      const url = location.origin.replace(/^http/, "ws") + "/graphql/ws";
      client = graphqlWs.createClient({
        url,
        lazy: true,
        retryAttempts: 3,
        // A token that was refused once is refused again.
        shouldRetry: (event) => !(event instanceof CloseEvent) || event.code < 4400,
        connectionParams: authorized ? { authorization: authorized } : {},
      });
      client.authorized = authorized;
    }
    return client;
  }

  function told(error) {
    if (error instanceof CloseEvent) {
      return [{ message: `The socket was closed: ${error.reason || "no reason given"} (${error.code})` }];
    }
    return Array.isArray(error) ? error : [{ message: String(error && error.message ? error.message : error) }];
  }

  // The pane shows one result; of a subscription it shall show what came so far, not only what came last.
  const SHOWN = 200;
  const subscribe = (params, headers) => ({
    subscribe(observer) {
      const events = [];
      const show = (more) => observer.next({ ...(events.length ? { events } : {}), ...more });
      const stop = socket(headers).subscribe(params, {
        next: (result) => {
          events.push(result.errors ? result : result.data);
          events.splice(0, events.length - SHOWN);
          show({});
        },
        error: (error) => {
          show({ errors: told(error) });
          observer.complete();
        },
        complete: () => observer.complete(),
      });
      return { unsubscribe: stop };
    },
  });

  function isSubscription(params, document) {
    const operations = (document ? document.definitions : []).filter((part) => part.kind === "OperationDefinition");
    const chosen = operations.find((part) => part.name && part.name.value === params.operationName) || operations[0];
    return Boolean(chosen) && chosen.operation === "subscription";
  }

  const key = () => (crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2));

  // Variables may say {{uuid}} where every request needs a key of its own.
  const filled = (params) => JSON.parse(JSON.stringify(params).replaceAll("{{uuid}}", key()));

  const fetcher = (asked, options) => {
    const params = filled(asked);
    const { headers, documentAST } = options || {};
    return isSubscription(params, documentAST) ? subscribe(params, headers) : post(params, headers);
  };

  const tabs = [
    {
      query: `# Say something to a bot. Then follow its answer in the next tab, with the id of the turn.
# The explorer fills in {{uuid}} anew each time; your app makes its own key, and repeats it when it retries.
mutation SendMessage($input: SendMessageInput!) {
  sendMessage(input: $input) {
    turn { id state }
    conversation { id }
    userErrors { ... on UserError { message code path } }
  }
}
`,
      variables: JSON.stringify({ input: { idempotencyKey: "{{uuid}}", bot: "companion", text: "Hello!" } }, null, 2),
    },
    {
      query: `# Follow an answer while it is written. After a break go on with "after": the last seq.
subscription TurnEvents($turnId: ID!, $after: Int = 0) {
  turnEvents(turnId: $turnId, after: $after) {
    __typename
    seq
    ... on TurnTextDelta { text }
    ... on TurnFailed { code message }
    ... on TurnCompleted { reply { id text } }
  }
}
`,
      variables: JSON.stringify({ turnId: "" }, null, 2),
    },
    {
      query: `# Which bots are there, and what was said last?
query Overview {
  bots(first: 20) { nodes { name displayName description } }
  conversations(first: 5) {
    nodes {
      id
      bot { name }
      messages(last: 3) { nodes { author { name } text sentAt } }
    }
  }
}
`,
    },
  ];

  // On a first visit the open tab's variables are read from here.
  if (!localStorage.getItem("graphiql:tabState")) {
    localStorage.setItem("graphiql:variables", tabs[0].variables);
  }

  const place = document.getElementById("explorer");

  document.getElementById("token-bar").addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("change", () => {
    sessionStorage.setItem(KEPT, field.value.trim());
    tellWhoIsAsking();
  });
  tellWhoIsAsking();
  ReactDOM.createRoot(place).render(React.createElement(GraphiQL, { fetcher, defaultTabs: tabs }));
})();
