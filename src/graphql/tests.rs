//! The schema as clients see it.

use async_graphql::Request;
use serde_json::Value;

use super::*;

/// `schema.graphql` is what clients generate their types from, so it must be what this code serves.
#[test]
fn the_committed_schema_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == sdl(),
        "schema.graphql is not what the code says: run `botwright schema graphql > schema.graphql`"
    );
}

async fn introspect(query: &str) -> Value {
    let response = builder().finish().execute(Request::new(query)).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    response.data.into_json().unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[tokio::test]
async fn everything_in_the_schema_is_described() {
    let schema = introspect(
        "{ __schema { types { name description
             fields(includeDeprecated: true) { name description args { name description } }
             inputFields { name description } enumValues { name description } } } }",
    )
    .await;
    let mut bare = Vec::new();
    let mut look = |path: String, thing: &Value| {
        if thing["description"].as_str().is_none_or(|words| words.trim().is_empty()) {
            bare.push(path);
        }
    };
    for kind in list(&schema["__schema"]["types"]) {
        let name = kind["name"].as_str().unwrap();
        if name.starts_with("__") || ["Int", "Float", "String", "Boolean", "ID"].contains(&name) {
            continue;
        }
        // The library makes these, and says what their fields are.
        if !name.ends_with("Connection") {
            look(name.into(), kind);
        }
        for member in ["fields", "inputFields", "enumValues"].iter().flat_map(|members| list(&kind[*members]))
        {
            let path = format!("{name}.{}", member["name"].as_str().unwrap());
            look(path.clone(), member);
            // An `id` of what the field returns says all by its name.
            for argument in list(&member["args"])
                .filter(|argument| !matches!(argument["name"].as_str(), Some("id" | "ids" | "input")))
            {
                look(format!("{path}({})", argument["name"].as_str().unwrap()), argument);
            }
        }
    }
    assert!(bare.is_empty(), "without a description:\n{}", bare.join("\n"));
}

/// Old apps meet members that they do not know; the interface lets them show at least the message.
#[tokio::test]
async fn every_member_of_an_error_union_is_a_user_error() {
    let schema =
        introspect("{ __schema { types { name kind possibleTypes { name interfaces { name } } } } }").await;
    let is_of_errors = |kind: &&Value| {
        kind["kind"] == "UNION" && kind["name"].as_str().is_some_and(|name| name.ends_with("Error"))
    };
    let unions: Vec<_> = list(&schema["__schema"]["types"]).filter(is_of_errors).collect();
    assert!(unions.len() >= 12, "{unions:?}");
    for member in unions.iter().flat_map(|union| list(&union["possibleTypes"])) {
        assert_eq!(member["interfaces"][0]["name"], "UserError", "{member}");
    }
}

#[tokio::test]
async fn what_is_public_needs_no_rooms() {
    let info = introspect("{ serverInfo { version minClientVersion features } }").await;
    assert_eq!(info["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
}
