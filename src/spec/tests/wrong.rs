//! What is wrong, where, and in which words.

use super::{HEAD, PROJECT, bundle, one, with};
use crate::spec::{Bundle, Parsed, Problem, codes, github, parse, render, summary, to_json};

/// `a/bot.yaml:5:3 BW1002 message [did you mean …]`, one per problem.
fn lines(parsed: &Parsed) -> Vec<String> {
    let line = |problem: &Problem| {
        let near = problem.suggestion.as_ref().map(|near| format!(" [{near}]")).unwrap_or_default();
        let Problem { file, line, column, code, message, .. } = problem;
        format!("{file}:{line}:{column} {code} {message}{near}")
    };
    parsed.problems.iter().map(line).collect()
}

/// What is written after the three lines of every bot (so it begins in line 4), and all that is said about it.
const BODIES: &[(&str, &[&str])] = &[
    // Keys.
    ("model:\n  tempature: 0.3\n", &["5:3 BW1002 unknown key `tempature` in `model` [temperature]"]),
    ("display_name: B\n", &["4:1 BW1002 unknown key `display_name` [displayName]"]),
    ("window: {hours: 3}\n", &["4:1 BW1002 unknown key `window`"]),
    (
        "memory: {recall: {when: always, budgets: 1}}\n",
        &["4:33 BW1002 unknown key `budgets` in `memory.recall` [budget]"],
    ),
    (
        "lore:\n  - keys: [a]\n    texts: b\n",
        &[
            "5:5 BW1004 one of `text`, `file` is missing in `lore`",
            "6:5 BW1002 unknown key `texts` in `lore` [text]",
        ],
    ),
    ("kind: Bot\n", &["4:1 BW1007 the key `kind` stands here twice"]),
    ("labels: {team: a, team: b}\n", &["4:19 BW1007 the key `team` stands here twice"]),
    // Types.
    ("description: 12\n", &["4:14 BW1003 `description`: expected a text, found the number `12`"]),
    ("persona: [a]\n", &["4:10 BW1003 `persona`: expected a text or `{file: …}`, found a list"]),
    ("rules: be kind\n", &["4:8 BW1003 `rules`: expected a list, found the text `be kind`"]),
    ("rules:\n", &["4:1 BW1003 `rules`: expected a list, found nothing"]),
    ("rules: [true]\n", &["4:9 BW1003 an entry of `rules`: expected a text or a mapping, found `true`"]),
    (
        "model: {temperature: warm}\n",
        &["4:22 BW1003 `temperature`: expected a number, found the text `warm`"],
    ),
    (
        "model: {contextBudget: 6000.5}\n",
        &["4:24 BW1003 `contextBudget`: expected a whole number, found the number `6000.5`"],
    ),
    (
        "sources: [{name: s, text: t, pin: yes}]\n",
        &["4:35 BW1003 `pin`: expected `true` or `false`, found the text `yes`"],
    ),
    // Values.
    ("model: {temperature: 3}\n", &["4:22 BW1006 `temperature`: 3 is out of range: 0 to 2"]),
    ("memory: {window: {hours: 0}}\n", &["4:26 BW1006 `hours`: 0 is out of range: 1 to 720"]),
    ("memory: {scope: persons}\n", &["4:17 BW1005 unknown `scope`: `persons` [person]"]),
    ("memory: {recall: {when: allways}}\n", &["4:25 BW1005 unknown `when`: `allways` [always]"]),
    (
        "language: Ukrainian\n",
        &[
            "4:11 BW1011 `language`: expected `auto` or a language's code such as `uk` or `pt-BR`, found `Ukrainian` [uk]",
        ],
    ),
    ("persona: \" \"\n", &["4:10 BW1006 `persona`: nothing stands here"]),
    ("rules: [\"a\\0b\"]\n", &["4:9 BW1011 an entry of `rules`: a text cannot hold the NUL character"]),
    ("lore: [{keys: [], text: t}]\n", &["4:15 BW1006 `keys`: nothing stands here"]),
    (
        "rules: [{text: a, file: p.md}]\n",
        &[
            "4:19 BW1012 `file` cannot stand beside `text`",
            "4:25 BW1201 there is no file `p.md` beside this one",
        ],
    ),
    // Models.
    ("model: {use: opnai/gpt-5}\n", &["4:14 BW1304 no provider is called `opnai` [openai/gpt-5]"]),
    (
        "model: claude-sonnet-5\n",
        &[
            "4:8 BW1304 `claude-sonnet-5` names no model: expected `provider/model`, `auto` or `offline` [anthropic/claude-sonnet-5]",
        ],
    ),
    (
        "model: {fallback: [auto, nobody/x]}\nmemory: {model: gpt}\n",
        &[
            "4:26 BW1304 no provider is called `nobody`",
            "5:17 BW1304 `gpt` names no model: expected `provider/model`, `auto` or `offline` [openai/gpt]",
        ],
    ),
    // Names, files, variables.
    (
        "persona: {file: ../../etc/passwd}\n",
        &["4:17 BW1202 `../../etc/passwd` is no path inside of the project"],
    ),
    ("persona: {file: persona.md}\n", &["4:17 BW1201 there is no file `persona.md` beside this one"]),
    ("sources: [handbook]\n", &["4:11 BW1301 no source of the project is called `handbook`"]),
    (
        "sources: [{name: s, text: t, pin: true}, {name: s, text: u, pin: true}]\n",
        &["4:49 BW1302 the name `s` stands here twice"],
    ),
    (
        "greeting: \"Hi {{persn.name}} \\\\{{x}}\"\n",
        &["4:15 BW1305 unknown variable `persn.name` [{{person.name}}]"],
    ),
    ("persona: |\n  One\n  Two {{ user }}\n", &["6:7 BW1305 unknown variable `user`"]),
    ("memory: {recall: {budget: 9000}}\n", &["4:27 BW1402 recall may take 9000 tokens of a prompt of 6000"]),
    // Not built, and checked all the same.
    ("limits: {per: persn}\n", &["4:15 BW1005 unknown `per`: `persn` [person]"]),
    ("memory: {scope: bot, midTerm: 100, facts: {max: 5}}\n", &["4:17 BW1900 `scope: bot` is not built yet"]),
    (
        "memory:\n  digest: {cron: 0 25 * * *, timezone: Kyiv}\n",
        &[
            "5:18 BW1011 `cron`: expected five cron fields: minute, hour, day of the month, month, day of the week, found `0 25 * * *`",
            "5:40 BW1011 `timezone`: expected a timezone such as `Europe/Kyiv`, found `Kyiv` [Europe/Kyiv]",
        ],
    ),
    (
        "sources: [{name: s, url: \"https://example.com\", for: [x]}]\n",
        &["4:21 BW1900 `url` is not built yet", "4:49 BW1900 `for` is not built yet"],
    ),
    // Secrets.
    (
        "channels: {telegram: {token: hunter2}}\n",
        &["4:30 BW3001 a secret stands in a file by its name, never by its value"],
    ),
    (
        "channels: {telegram: {token: {secret: my_token}}}\n",
        &["4:39 BW1011 `secret`: expected the name of a secret, in capitals, digits and underscores"],
    ),
    ("rules:\n  - Use sk-proj-Ab3dEf6hIj9kLmNoPq2s always.\n", &["5:9 BW3001 this looks like an OpenAI key"]),
    (
        "# token: 8123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw7\n",
        &["4:10 BW3001 this looks like a Telegram token"],
    ),
    // YAML.
    ("model:\n\tuse: auto\n", &["5:1 BW1001 this is not YAML: a tab where YAML allows only spaces"]),
    ("rules: [a\n", &["4:8 BW1001 this is not YAML: this `[` is not closed"]),
    ("greeting: \"Hi", &["4:11 BW1001 this is not YAML: the quotes are not closed"]),
    (
        "greeting: \"Hi\n",
        &["5:1 BW1001 this is not YAML: a text in quotes goes on here without being indented"],
    ),
    ("greeting: @you\n", &["4:11 BW1001 this is not YAML: a text cannot begin with `@`"]),
    ("<<: {language: uk}\n", &["4:1 BW1009 merge keys (`<<`) are not read"]),
    ("greeting: !shout Hi\n", &["4:11 BW1009 tags are not read: `!shout`"]),
    ("rules: [*none]\n", &["4:9 BW1009 `*none` is an alias, and nothing has that name"]),
    ("---\nkind: Bot\n", &["4:1 BW1008 a second document begins here"]),
    ("? [a]\n: b\n", &["4:3 BW1009 a key has to be a text"]),
];

#[test]
fn every_mistake_has_its_place_and_its_words() {
    for (body, expected) in BODIES {
        let expected: Vec<String> = expected.iter().map(|line| format!("a/bot.yaml:{line}")).collect();
        let parsed = one(body);
        assert_eq!(lines(&parsed), expected, "{body}");
        assert!(parsed.project.is_none(), "{body}");
    }
}

/// The same under Windows's line ends, after a byte order mark, and with letters of more than one byte.
#[test]
fn places_hold_whatever_the_line_ends() {
    let body = format!("\u{feff}{HEAD}description: \"їжак 🦔 {{x}}\" # Привіт\nmodel: {{tempature: 1}}\n")
        .replace('\n', "\r\n");
    let parsed = parse(&bundle(&[("botwright.yaml", PROJECT), ("a/bot.yaml", &body)]));
    assert_eq!(lines(&parsed), ["a/bot.yaml:5:9 BW1002 unknown key `tempature` in `model` [temperature]"]);
    let parsed = one("labels: {їжак: \"🦔\", ключ: [1]}\n");
    assert_eq!(lines(&parsed), ["a/bot.yaml:4:27 BW1003 `ключ`: expected a text, found a list"]);
    assert_eq!(parsed.problems[0].source.as_deref(), Some("labels: {їжак: \"🦔\", ключ: [1]}"));
}

#[test]
fn one_run_reports_every_file() {
    let parsed = parse(&bundle(&[
        (
            "botwright.yaml",
            "apiVersion: botwright/v2\nkind: Projekt\nprotect: [b, UP]\nproviders: {openai: {kind: openai, url: ftp://x}, Local: {kind: grok}}\nmoves: []\n",
        ),
        ("a/bot.yaml", "kind: Bot\nmodel: [\n"),
        ("b/bot.yaml", "persona: {file: p.md}\n"),
        ("b/p.md", "Say {{bot.nam}}.\nghp_16C7e42F292c6912E7710c838347Ae178B4a\n"),
        ("Bad_Name/bot.yaml", HEAD),
    ]));
    assert_eq!(
        lines(&parsed),
        [
            "Bad_Name/bot.yaml:0:0 BW1303 `Bad_Name` cannot name a bot: small letters, digits and hyphens, at most 63 [bad-name]",
            "a/bot.yaml:2:8 BW1001 this is not YAML: this `[` is not closed",
            "b/bot.yaml:1:1 BW1004 `apiVersion` is missing",
            "b/bot.yaml:1:1 BW1004 `kind` is missing",
            "b/bot.yaml:1:1 BW1004 `displayName` is missing",
            "b/p.md:1:5 BW1305 unknown variable `bot.nam` [{{bot.name}}]",
            "b/p.md:2:1 BW3001 this looks like a GitHub token",
            "botwright.yaml:1:1 BW1004 `source` is missing",
            "botwright.yaml:1:13 BW1005 unknown `apiVersion`: `botwright/v2` [botwright/v1]",
            "botwright.yaml:2:7 BW1005 unknown `kind`: `Projekt` [Project]",
            "botwright.yaml:3:14 BW1011 an entry of `protect`: expected a name of small letters, digits and hyphens, at most 63, found `UP` [up]",
            "botwright.yaml:4:13 BW1302 `openai` is a provider that is built in",
            "botwright.yaml:4:41 BW1011 `url`: expected an address that begins with `https://` or `http://`, without a login in it, found `ftp://x`",
            "botwright.yaml:4:51 BW1004 `url` is missing in `providers`",
            "botwright.yaml:4:51 BW1303 `Local` is no name: small letters, digits and hyphens, at most 63",
            "botwright.yaml:4:65 BW1005 unknown `kind`: `grok`",
        ]
    );
    assert_eq!(summary(&parsed.problems), "16 errors in 5 files");
}

#[test]
fn a_problem_at_the_end_of_a_full_block_has_its_place() {
    for length in [1_023, 1_024, 1_025, 2_048] {
        let mut files = bundle(&[("botwright.yaml", PROJECT)]);
        let mut contents = vec![b'#'; length];
        contents.push(0xff);
        files.files.insert("a/bot.yaml".into(), contents);
        let problem = &parse(&files).problems[0];
        assert_eq!((problem.line, problem.column), (1, length + 1));
    }
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let mut files = bundle(&[("botwright.yaml", PROJECT), ("a/bot.yaml", HEAD)]);
    files.files.insert("b/bot.yaml".into(), b"kind: Bot\ndisplayName: \xff\n".to_vec());
    files.files.insert("c/bot.yaml".into(), b"\xff\xfek\0".to_vec());
    files.files.insert("d/bot.yaml".into(), Vec::new());
    files.files.insert(
        "e/bot.yaml".into(),
        format!("{HEAD}rules: [{{file: x.md}}, {{file: y.md}}, {{file: z.md}}, {{file: u.md}}]").into(),
    );
    files.files.insert("e/x.md".into(), b"a\xff".to_vec());
    files.files.insert("e/y.md".into(), b" \n".to_vec());
    files.files.insert("e/z.md".into(), b"a\0".to_vec());
    files.unread.insert("e/u.md".into(), "is larger than 256 KiB".into());
    files.unread.insert("f".into(), "is a link that leaves the project".into());
    files.unread.insert("notes/x.md".into(), "is a link that leads nowhere".into());
    files.others = ["bot.yaml", "g/bot.yml", "h/i/bot.yaml", "botwright.yml"].map(String::from).into();
    assert_eq!(
        lines(&parse(&files)),
        [
            "b/bot.yaml:2:14 BW1000 this is not UTF-8: the byte 0xff at offset 23 is no character",
            "bot.yaml:0:0 BW1204 a bot has a folder of its own, which names it",
            "botwright.yml:0:0 BW1204 the project's file is called `botwright.yaml`",
            "c/bot.yaml:1:1 BW1000 this is not UTF-8: the byte 0xff at offset 0 is no character",
            "d/bot.yaml:1:1 BW1004 the file is empty",
            "e/bot.yaml:4:16 BW1203 the file `x.md` is not UTF-8 in line 1: save it as UTF-8",
            "e/bot.yaml:4:30 BW1203 the file `y.md` is empty",
            "e/bot.yaml:4:44 BW1203 the file `z.md` holds a NUL character",
            "e/bot.yaml:4:58 BW1203 the file `u.md` is larger than 256 KiB",
            "f:0:0 BW1203 `f` is a link that leaves the project",
            "g/bot.yml:0:0 BW1204 a bot's file is called `bot.yaml`",
            "h/i/bot.yaml:0:0 BW1204 bots are looked for one folder deep: this one is not read",
        ]
    );
    let parsed = parse(&Bundle::default());
    assert_eq!(
        lines(&parsed),
        ["botwright.yaml:0:0 BW1201 a project begins with a `botwright.yaml`, and there is none"]
    );
}

#[test]
fn near_files_are_suggested() {
    let body = "persona: {file: persna.md}\nrules: [{file: rules/refund.md}]\n";
    let parsed = with(body, &[("a/persona.md", "p"), ("a/rules/refunds.md", "r")]);
    assert_eq!(
        lines(&parsed),
        [
            "a/bot.yaml:4:17 BW1201 there is no file `persna.md` beside this one [persona.md]",
            "a/bot.yaml:5:16 BW1201 there is no file `rules/refund.md` beside this one [rules/refunds.md]",
        ]
    );
}

#[test]
fn the_fixed_part_says_by_how_much_it_is_too_large() {
    let long = "word ".repeat(4000);
    let parsed = with("persona: {file: p.md}\nrules: [be kind]\n", &[("a/p.md", &long)]);
    assert_eq!(
        lines(&parsed),
        ["a/bot.yaml:4:1 BW1401 the fixed part of the prompt takes 4002 tokens, 402 too many"]
    );
    assert_eq!(parsed.problems[0].hints[0], "persona 4000, rules 2, pinned sources 0");
    let parsed = with("model: {contextBudget: 8000}\npersona: {file: p.md}\n", &[("a/p.md", &long)]);
    assert_eq!(parsed.problems, []);
}

#[test]
fn a_warning_is_no_error() {
    let project = format!("{PROJECT}protect: [aa, a]\n");
    let parsed = parse(&bundle(&[("botwright.yaml", &project), ("a/bot.yaml", HEAD)]));
    assert_eq!(
        lines(&parsed),
        ["botwright.yaml:4:11 BW1301 `protect` names `aa`, and there is no such bot here [a]"]
    );
    assert!(parsed.project.is_some() && !parsed.has_errors());
    assert_eq!(summary(&parsed.problems), "1 warning in 1 file");
}

#[test]
fn no_secret_is_shown_in_any_form() {
    let key = "sk-proj-Ab3dEf6hIj9kLmNoPq2s";
    let token = "8123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw7";
    for body in [
        format!("channels: {{telegram: {{token: {token}, mod: {key}}}}}\n"),
        format!("model: {{use: {key}, tempature: 1}}\n"),
        format!("language: {key}\n{key}: 1\n"),
        format!("persona: {{file: {key}}}\nlabels: {{token: {token}, token: 1}}\n"),
        format!("greeting: \"{{{{{key}}}}}\"\n"),
        format!("model: [{key}\n"),
        "channels: {telegram: {token: hunter2, mod: 1}}\n".to_owned(),
    ] {
        let parsed = one(&body);
        assert!(parsed.has_errors());
        let mut shown = to_json(&parsed.problems, "bots").to_string();
        for problem in &parsed.problems {
            shown += &render(problem, "bots");
            shown += &github(problem, "bots");
        }
        for secret in ["Ab3dEf6hIj9k", "AAHdqTcvCH1vGW", "hunter2"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[test]
fn the_three_forms() {
    let parsed = one("model:\n  use: auto # 100%\n  tempature: 0.3\n");
    let problem = &parsed.problems[0];
    assert_eq!(
        render(problem, "bots"),
        "error[BW1002]: unknown key `tempature` in `model`
 --> bots/a/bot.yaml:6:3
  |
6 |   tempature: 0.3
  |   ^^^^^^^^^ did you mean `temperature`?
  = allowed here: use, temperature, maxOutputTokens, fallback, vision, contextBudget
"
    );
    assert_eq!(
        github(problem, "bots/"),
        "::error file=bots/a/bot.yaml,line=6,col=3,endColumn=12,title=BW1002::unknown key `tempature` in `model`; did you mean `temperature`?\n"
    );
    let json = to_json(&parsed.problems, ".");
    assert_eq!(json["valid"], false);
    assert_eq!(json["problems"][0]["file"], "a/bot.yaml");
    assert_eq!(json["problems"][0]["code"], codes::UNKNOWN_KEY);
    assert_eq!(json["problems"][0]["suggestion"], "temperature");
    // Wide letters take two columns; a long line is cut around the caret.
    let parsed = one("labels: {猫: [1]}\n");
    assert!(render(&parsed.problems[0], "").contains("4 | labels: {猫: [1]}\n  |              ^^^\n"));
    let parsed =
        one(&format!("labels: {{a: \"{}\", b: [1], c: \"{}\"}}\n", "x".repeat(500), "y".repeat(500)));
    let shown = render(&parsed.problems[0], "");
    assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
    let caret = shown.lines().nth(4).unwrap().find('^').unwrap();
    assert!(
        shown.lines().nth(3).unwrap().chars().skip(caret).collect::<String>().starts_with("[1]"),
        "{shown}"
    );
}
