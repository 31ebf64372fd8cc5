//! What passes the guard, what does not, and how much work it is to know.

use std::fmt::Write;

use async_graphql::parser::parse_query;
use serde_json::{Value as Json, json};

use super::scan::{Scanned, scan};
use super::*;

fn code(query: &str) -> Result<OperationType, String> {
    code_with(query, json!({}))
}

fn code_with(query: &str, variables: Json) -> Result<OperationType, String> {
    match check(query, None, &Variables::from_json(variables), &Limits::default()) {
        Ok(checked) => Ok(checked.kind),
        Err(refusal) => {
            let code = refusal.errors[0].extensions.as_ref().unwrap().get("code").unwrap().clone();
            Err(code.into_json().unwrap().as_str().unwrap().to_owned())
        }
    }
}

/// How much of the document was looked at to weigh it.
fn work(query: &str) -> u32 {
    let document = parse_query(query).unwrap();
    let operation = choose(&document, None).unwrap();
    let (variables, limits) = (Variables::default(), Limits::default());
    let mut scales = Scales::new(&document, &operation.node, &variables, &limits);
    let _ = scales.weigh_all();
    scales.looked_at()
}

/// A chain of fragments, each of which spreads the next one `fan` times.
fn fragments(length: usize, fan: usize, leaf: &str) -> String {
    let mut query = String::from("{ ...F0 }");
    for index in 0..length {
        let spread = format!("...F{} ", index + 1).repeat(fan);
        write!(query, " fragment F{index} on Q {{ {spread} }}").unwrap();
    }
    write!(query, " fragment F{length} on Q {{ {leaf} }}").unwrap();
    query
}

#[test]
fn ordinary_documents_pass() {
    for query in [
        "{ __typename }",
        "query Q($n: Int = 5) { bots(first: $n) { nodes { id name } } }",
        "mutation M($input: I!) { send(input: $input) { ok } }",
        "subscription { events(after: 3) { ... on Text { text } } }",
        "{ a(text: \"((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\") }",
        "{ a(text: \"\"\"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{ \\\"\"\" \"\"\") }",
    ] {
        assert!(code_with(query, json!({"input": {}})).is_ok(), "{query}");
    }
}

#[test]
fn introspection_passes_as_tools_ask_it() {
    let mut of_type = "kind name".to_owned();
    for _ in 0..9 {
        of_type = format!("kind name ofType {{ {of_type} }}");
    }
    let query = format!(
        "query I {{ __schema {{ types {{ ...T }} directives {{ name args {{ ...A }} }} }} }}
         fragment T on __Type {{ fields(includeDeprecated: true) {{ args {{ ...A }} type {{ ...R }} }} }}
         fragment A on __InputValue {{ name type {{ ...R }} defaultValue }}
         fragment R on __Type {{ {of_type} }}"
    );
    assert_eq!(code(&query), Ok(OperationType::Query));
}

#[test]
fn what_asks_for_too_much_is_refused() {
    let aliases: String = (0..31).map(|index| format!("a{index}: name ")).collect();
    let deep = |levels: usize| format!("{}x{}", "{ a ".repeat(levels), "}".repeat(levels));
    let table = [
        ("bytes", format!("{{ a }} # {}", "x".repeat(16 * 1024))),
        ("tokens", format!("{{ {} }}", "a ".repeat(2_001))),
        ("nesting", deep(61)),
        ("nesting of values", format!("{{ a(b: {}{}) }}", "[".repeat(61), "]".repeat(61))),
        ("depth", deep(16)),
        ("depth in a fragment", format!("{{ a {{ ...F }} }} fragment F on Q {}", deep(15))),
        ("aliases", format!("{{ a {{ {aliases} }} }}")),
        ("aliases by fragments", fragments(5, 2, "x: name")),
        ("root fields", "{ a b c d e f g h i j k }".into()),
        ("root fields by fragments", fragments(4, 2, "a")),
        ("directives", format!("{{ a {} }}", "@include(if: true) ".repeat(21))),
        ("cost", fragments(10, 2, "b c").replacen("...F0", "r { ...F0 }", 1)),
        ("objects", "{ a(first: 100) { b(last: 100) { c(first: 11) { id } } } }".into()),
        ("a long list of ids", "{ a(first: 100000000) { b(first: 100000000) { id } } }".into()),
        (
            "lists of the schema",
            "{ __schema { types { fields { type { fields { args { name } } } } } } }".into(),
        ),
        ("values of the schema", {
            let names: String = (0..29).map(|index| format!("a{index}: name ")).collect();
            format!(
                "{{ __schema {{ types {{ fields {{ type {{ fields {{ {names} b c d e f g h i }} }} }} }} }} }}"
            )
        }),
        ("an unused fragment", format!("{{ a }} {}", &fragments(12, 2, "b { c }")[9..])),
    ];
    for (what, query) in table {
        assert_eq!(code_with(&query, json!({})), Err("OPERATION_TOO_COMPLEX".into()), "{what}");
    }
}

#[test]
fn what_is_not_executed_is_weighed_too() {
    let query = format!("query A {{ a }} query B {{ {}x{} }}", "b { ".repeat(16), "}".repeat(16));
    assert!(check(&query, Some("A"), &Variables::default(), &Limits::default()).is_err());
}

#[test]
fn spreads_cost_even_where_they_lead_nowhere() {
    for (length, fan) in [(10, 2), (30, 2), (7, 8), (3, 60), (60, 3)] {
        for leaf in ["a { b }", "a", "...Missing"] {
            let query =
                format!("{{ r {} }}", fragments(length, fan, leaf).replacen("{ ...F0 }", "{ ...F0 } }", 1));
            let query = query.trim_end_matches('}').to_owned() + "}";
            assert!(code(&query).is_err(), "{length} × {fan}: {leaf}");
        }
    }
}

#[test]
fn weighing_looks_at_everything_once() {
    for (length, fan) in [(10, 2), (22, 2), (30, 2), (7, 8), (60, 2), (3, 60)] {
        let query = fragments(length, fan, "a");
        let written = u32::try_from(length * fan + 2).unwrap();
        assert!(work(&query) <= written, "{length} × {fan}: {} looks at {written}", work(&query));
    }
    // Within introspection a fragment may weigh differently, so it is weighed once more there, not more often.
    let mut nested = String::from("{ ...F0 }");
    for index in 0..12 {
        write!(nested, " fragment F{index} on Q {{ __schema {{ ...F{0} ...F{0} }} }}", index + 1).unwrap();
    }
    nested.push_str(" fragment F12 on Q { a }");
    assert!(work(&nested) <= 2 * (12 * 3 + 2), "{}", work(&nested));
}

#[test]
fn cycles_are_told_and_not_followed() {
    for query in [
        "{ ...A } fragment A on Q { ...A }",
        "{ ...A } fragment A on Q { b { ...B } } fragment B on Q { c { ...A } }",
        "{ x } fragment A on Q { __schema { ...B } } fragment B on Q { __schema { ...A } }",
    ] {
        assert_eq!(code(query), Err("GRAPHQL_VALIDATION_FAILED".into()), "{query}");
    }
}

#[test]
fn broken_documents_are_parse_failures() {
    for query in
        ["", "{", "{ a", "{ a(b: \"x) }", "{ a(b: \"\"\"x) }", "query { } ", "{ 8f31 }", "{ ünï }", "🏃"]
    {
        assert_eq!(code(query), Err("GRAPHQL_PARSE_FAILED".into()), "{query}");
    }
}

#[test]
fn variables_that_must_have_a_value_have_one() {
    let query = "query Q($id: ID!, $n: Int! = 3, $o: Int) { a(id: $id, n: $n, o: $o) }";
    assert!(code_with(query, json!({"id": "x"})).is_ok());
    assert!(code_with(query, json!({"id": "x", "n": 4, "o": null})).is_ok());
    for variables in [json!({}), json!({"id": null}), json!({"id": "x", "n": null})] {
        assert_eq!(code_with(query, variables), Err("BAD_USER_INPUT".into()));
    }
    let asked = "query Q($n: Int = 100) { a(first: $n) { b(first: $n) { c(first: $n) { id } } } }";
    assert!(code_with(asked, json!({"n": 10})).is_ok());
    assert_eq!(code_with(asked, json!({"n": 100})), Err("OPERATION_TOO_COMPLEX".into()));
    assert_eq!(code(asked), Err("OPERATION_TOO_COMPLEX".into()));
}

#[test]
fn the_operation_that_is_meant_is_chosen() {
    let named = |name| {
        let query = "query A { a } mutation B { b } fragment F on Q { c }";
        check(query, name, &Variables::default(), &Limits::default())
            .map(|checked| (checked.kind, checked.shape.names().map(str::to_owned).collect::<Vec<_>>()))
            .ok()
    };
    assert_eq!(named(Some("A")), Some((OperationType::Query, vec!["a".to_owned()])));
    assert_eq!(named(Some("B")), Some((OperationType::Mutation, vec!["b".to_owned()])));
    assert!(named(Some("C")).is_none() && named(None).is_none());
    assert_eq!(code("subscription { a b }"), Err("GRAPHQL_VALIDATION_FAILED".into()));
    let roots = check(
        "{ x: a ...F ... on Q { c } } fragment F on Q { b ...F2 } fragment F2 on Q { d }",
        None,
        &Variables::default(),
        &Limits::default(),
    );
    assert_eq!(roots.unwrap().shape.names().collect::<Vec<_>>(), ["a", "b", "d", "c"]);
}

#[test]
fn a_scan_counts_what_the_parser_would_see() {
    let counted = |tokens, nesting| Scanned { tokens, nesting };
    assert_eq!(scan("{ a, b }"), counted(4, 1));
    assert_eq!(scan("query Q($a: [Int!]! = [1]) { f(x: $a) }"), counted(25, 2));
    assert_eq!(scan("# {{{{\n{ a } # }"), counted(3, 1));
    assert_eq!(scan("{ a(s: \"[[[ \\\" (((\") }"), counted(8, 2));
    assert_eq!(scan("{ a(s: \"\"\"[[[ \\\"\"\" (((\"\"\") }"), counted(8, 2));
    // Behind a string without an end the parser sees nothing.
    assert_eq!(scan("{ a(s: \"x\n [[[["), counted(6, 2));
    // Mismatched brackets end the parse; the scan may count on.
    assert_eq!(scan("{ a )) ] { { }"), counted(8, 2));
}
