//! Rules for the source that neither rustfmt nor clippy knows.

use std::fs;
use std::path::{Path, PathBuf};

/// Longer files have more than one subject.
const LINES: usize = 600;
const WIDTH: usize = 120;

/// Where unsafe code may be, each with a `# Safety contract` in its module's documentation.
const UNSAFE: [&str; 14] = [
    "ioaio/src/api/aio.rs",
    "ioaio/src/api/drive/tokio.rs",
    "ioaio/src/api/registered.rs",
    "ioaio/src/fcntl_ioctl.rs",
    "ioaio/src/request/",
    "ioaio/src/route/",
    "ioaio/src/sys/",
    "ioaio/src/values/buf/",
    "ioaio/src/values/mapping.rs",
    "ioaio-capi/",
    // Without a contract: what they do with it stands beside it.
    "ioaio/tests/",
    "ioaio-capi/tests/",
    "ioaio/examples/polling.rs",
    "ioaio-capi/examples/",
];

struct Source {
    /// Below `crates/`.
    path: String,
    text: String,
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/").to_owned()
}
fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, files);
            }
        } else {
            files.push(path);
        }
    }
}
fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&crates(), &mut files);
    let sources: Vec<Source> = files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            let below = path.strip_prefix(crates()).expect("below crates/");
            Source { path: below.to_str().expect("plain names").to_owned(), text }
        })
        .collect();
    assert!(sources.len() > 20, "the sources were not found");
    sources
}
fn assert_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}
/// Lines that break a rule, as `path:line: text`.
fn lines_that(breaks: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources() {
        let lines = source.text.lines().enumerate().filter(|(_, line)| breaks(line));
        found.extend(lines.map(|(n, line)| format!("{}:{}: {line}", source.path, n + 1)));
    }
    found
}
/// Whether the line has unsafe code, not only the word.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ["{", "fn", "impl", "trait", "extern"].iter().any(|what| code.contains(&format!("unsafe {what}")))
}

#[test]
fn files_have_one_subject() {
    let long = sources().into_iter().filter(|source| source.text.lines().count() > LINES);
    let names = long.map(|source| source.path).collect();
    assert_none(&format!("more than {LINES} lines"), names);
}

#[test]
fn lines_are_short_and_end_with_text() {
    assert_none(&format!("wider than {WIDTH}"), lines_that(|line| line.chars().count() > WIDTH));
    assert_none("white space at the end", lines_that(|line| line.ends_with([' ', '\t'])));
    let unfinished = sources().into_iter().filter(|s| !s.text.ends_with('\n') || s.text.ends_with("\n\n"));
    assert_none("not exactly one newline at the end", unfinished.map(|source| source.path).collect());
}

#[test]
fn nothing_is_left_for_later() {
    // In two parts, so that this file passes.
    let words =
        [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["dbg", "!("], ["todo", "!("], ["unimplemented", "!("]];
    let words = words.map(|parts| parts.concat());
    // What mkdtemp(3) wants at the end of a path.
    let without_templates = |line: &str| line.replace("XXXXXX", "");
    let left = lines_that(|line| words.iter().any(|word| without_templates(line).contains(word)));
    assert_none("left for later", left);
}

#[test]
fn unsafe_code_is_where_it_is_expected() {
    let mut astray = Vec::new();
    let mut without_contract = Vec::new();
    for source in sources() {
        // Of the C library, all of whose functions take what C gives, one contract for all of it.
        let is_capi = source.path.starts_with("ioaio-capi/");
        if source.path != "ioaio-capi/src/lib.rs" && !source.text.lines().any(is_unsafe) {
            continue;
        }
        if !UNSAFE.iter().any(|place| source.path.starts_with(place)) {
            astray.push(source.path.clone());
        }
        let needs_contract = match is_capi {
            true => source.path == "ioaio-capi/src/lib.rs",
            false => source.path.contains("/src/"),
        };
        if needs_contract && !source.text.contains("//! # Safety contract") {
            without_contract.push(source.path);
        }
    }
    assert_none("unsafe code in a file that is not on the list above", astray);
    assert_none("unsafe code without a safety contract", without_contract);
}

#[test]
fn operations_and_commands_forbid_unsafe_code() {
    for file in ["ioaio/src/ops/mod.rs", "ioaio-cli/src/main.rs"] {
        let text = fs::read_to_string(crates().join(file)).expect("the module is there");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{file} does not forbid unsafe code");
    }
}

/// A position in a directory means nothing to another descriptor: who reads one does it by
/// `values/listing.rs`, which gives none away.
#[test]
fn directories_are_read_in_one_place() {
    // In parts, so that this file passes.
    let ways = [["Raw", "Dir"].concat(), ["next_entry", "_cookie"].concat(), ["SYS_getdents", "64"].concat()];
    let reads = |source: &Source| ways.iter().any(|way| source.text.contains(way));
    let found: Vec<String> = sources().into_iter().filter(reads).map(|source| source.path).collect();
    assert_eq!(found, ["ioaio/src/values/listing.rs"]);
}
