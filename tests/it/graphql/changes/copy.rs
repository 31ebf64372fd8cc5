//! A client that keeps a copy of what it may see, as a phone does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::graphql::text;
use crate::harness::door::Client;

/// What a copy holds of each thing.
pub(crate) const CHANGES: &str = "query Changes($since: String, $first: Int!, $types: [ChangeType!]) {
    changes(since: $since, first: $first, types: $types) {
        resetRequired token pageInfo { hasNextPage endCursor }
        nodes { __typename id type
            ... on ChangeDelete { deletedAt }
            ... on ChangeUpsert { node { ...Thing } } } } }
    fragment Thing on Node { __typename id
        ... on Bot { name displayName source }
        ... on Conversation { title updatedAt lastEventSeq channel }
        ... on Turn { state attempt lastSeq conversation { id } }
        ... on Message { text version ordinal role sentAt editedAt conversation { id } turn { id } } }";

/// Everything that a client holds, by id, and its place in the changes.
#[derive(Default)]
pub(crate) struct Copy {
    pub(crate) things: BTreeMap<String, Value>,
    pub(crate) token: Option<String>,
    pub(crate) resets: usize,
    pub(crate) pages: usize,
}

impl Copy {
    /// Takes in one page; whether there is more.
    pub(crate) async fn turn_page(&mut self, client: &Client, first: usize) -> bool {
        let variables = json!({ "since": self.token, "first": first });
        let page = client.ask(CHANGES, variables).await["changes"].take();
        assert_eq!(page["token"], page["pageInfo"]["endCursor"]);
        self.pages += 1;
        if page["resetRequired"] == true {
            assert_eq!(page["nodes"], json!([]));
            self.things.clear();
            self.resets += 1;
        }
        let nodes = page["nodes"].as_array().unwrap();
        assert!(nodes.len() <= first, "{} of {first}", nodes.len());
        let mut named = std::collections::BTreeSet::new();
        for change in nodes {
            let id = text(&change["id"]);
            assert!(named.insert(id.clone()), "{id} is on one page twice");
            match change["__typename"].as_str() {
                Some("ChangeUpsert") => {
                    assert_eq!(change["node"]["id"], change["id"]);
                    let kind = text(&change["node"]["__typename"]).to_uppercase();
                    assert_eq!(change["type"], kind, "{change}");
                    self.things.insert(id, change["node"].clone());
                }
                Some("ChangeDelete") => {
                    assert!(text(&change["deletedAt"]).ends_with('Z'), "{change}");
                    self.things.remove(&id);
                }
                _ => panic!("{change}"),
            }
        }
        self.token = Some(text(&page["token"]));
        page["pageInfo"]["hasNextPage"] == true
    }

    /// Reads on until there is nothing more.
    pub(crate) async fn catch_up(&mut self, client: &Client, first: usize) {
        while self.turn_page(client, first).await {}
    }

    /// Takes a token for now, and then everything by the ordinary lists.
    pub(crate) async fn hydrate(client: &Client) -> Self {
        let page = client.ask(CHANGES, json!({"since": "now", "first": 1})).await["changes"].take();
        assert_eq!((&page["nodes"], &page["pageInfo"]["hasNextPage"]), (&json!([]), &json!(false)));
        let things = everything(client).await;
        Self { things, token: Some(text(&page["token"])), ..Self::default() }
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        let mut messages: Vec<&Value> =
            self.things.values().filter(|thing| !thing["text"].is_null()).collect();
        messages.sort_by_key(|message| message["ordinal"].as_i64());
        messages.iter().map(|message| text(&message["text"])).collect()
    }
}

/// Everything that the ordinary lists show to `client`, by id.
pub(crate) async fn everything(client: &Client) -> BTreeMap<String, Value> {
    const THING: &str = "fragment Thing on Node { __typename id
        ... on Bot { name displayName source }
        ... on Conversation { title updatedAt lastEventSeq channel }
        ... on Turn { state attempt lastSeq conversation { id } }
        ... on Message { text version ordinal role sentAt editedAt conversation { id } turn { id } } }";
    let mut things = BTreeMap::new();
    let bots = format!(
        "query B($after: String) {{ page: bots(first: 100, after: $after) {{ nodes {{ ...Thing }} pageInfo {{ hasNextPage endCursor }} }} }} {THING}"
    );
    let conversations = format!(
        "query C($after: String) {{ page: conversations(first: 100, after: $after) {{ nodes {{ ...Thing }} pageInfo {{ hasNextPage endCursor }} }} }} {THING}"
    );
    let messages = format!("query M($id: ID!, $after: String) {{ conversation(id: $id) {{ page: messages(first: 100, after: $after) {{
        nodes {{ ...Thing erasedAt turn {{ ...Thing }} }} pageInfo {{ hasNextPage endCursor }} }} }} }} {THING}");
    for list in [bots, conversations] {
        pages(client, &list, json!({}), |thing| {
            things.insert(text(&thing["id"]), thing);
        })
        .await;
    }
    let ids: Vec<String> = things.keys().filter(|id| id.starts_with("conversation_")).cloned().collect();
    for id in ids {
        pages(client, &messages, json!({ "id": id }), |mut message| {
            let turn = message["turn"].take();
            if turn.is_object() {
                message["turn"] = json!({ "id": turn["id"] });
                things.insert(text(&turn["id"]), turn);
            }
            let erased = message.as_object_mut().unwrap().remove("erasedAt").unwrap();
            if erased.is_null() {
                things.insert(text(&message["id"]), message);
            }
        })
        .await;
    }
    things
}

async fn pages(client: &Client, query: &str, mut variables: Value, mut take: impl FnMut(Value)) {
    loop {
        let mut answer = client.ask(query, variables.clone()).await;
        let mut page = match answer["conversation"].take() {
            Value::Null => answer["page"].take(),
            mut conversation => conversation["page"].take(),
        };
        for node in page["nodes"].as_array_mut().into_iter().flatten() {
            take(node.take());
        }
        if page["pageInfo"]["hasNextPage"] != true {
            return;
        }
        variables["after"] = page["pageInfo"]["endCursor"].clone();
    }
}
