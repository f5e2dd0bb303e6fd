//! `include/ioaio.h`, made from the tables.

use std::fmt::Write;

use crate::args::FIELDS;
use crate::engine_api::{CONSTANTS, FUNCTIONS};
use crate::ops::{Line, table};
use crate::options::OPTIONS;

const WIDTH: usize = 118;

/// The header's text.
pub fn text() -> String {
    let mut out = include_str!("header_top.h").to_string();
    versions(&mut out);
    out += include_str!("header_types.h");
    for (name, value, doc) in CONSTANTS {
        let _ = writeln!(out, "#define {name} {value} /* {doc} */");
    }
    functions(&mut out);
    out += include_str!("header_requests.h");
    for (name, value, doc) in OPTIONS {
        let _ = writeln!(out, "#define IOAIO_{name} {value:#x} /* {doc} */");
    }
    args(&mut out);
    requests(&mut out);
    out + include_str!("header_bottom.h")
}

/// The version's numbers.
pub(crate) fn version() -> [u32; 3] {
    let parts =
        [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")];
    parts.map(|part| part.parse().unwrap_or(0))
}

fn versions(out: &mut String) {
    let [major, minor, patch] = version();
    let _ = writeln!(out, "#define IOAIO_VERSION_MAJOR {major}");
    let _ = writeln!(out, "#define IOAIO_VERSION_MINOR {minor}");
    let _ = writeln!(out, "#define IOAIO_VERSION_PATCH {patch}");
    let _ = writeln!(out, "#define IOAIO_VERSION \"{major}.{minor}.{patch}\"");
    let number = major << 16 | minor << 8 | patch;
    let _ =
        writeln!(out, "#define IOAIO_VERSION_NUMBER {number:#08x} /* major << 16 | minor << 8 | patch */");
}

fn comment(out: &mut String, doc: &str) {
    let lines: Vec<&str> = doc.lines().map(str::trim).collect();
    let _ = writeln!(out, "\n/* {} */", lines.join("\n * "));
}

/// A list with commas, in lines that are not too long.
fn wrapped(out: &mut String, start: &str, words: &[String], end: &str) {
    let mut line = start.to_string();
    for (n, word) in words.iter().enumerate() {
        let last = if n + 1 == words.len() { end } else { "," };
        if line.len() + word.len() + last.len() + 1 > WIDTH {
            let _ = writeln!(out, "{line}");
            line = "   ".into();
        }
        if !line.ends_with('(') && !line.ends_with('{') {
            line += " ";
        }
        line = line + word + last;
    }
    let _ = writeln!(out, "{line}");
}

fn functions(out: &mut String) {
    for (ret, name, args, doc) in FUNCTIONS {
        comment(out, doc);
        let space = if ret.ends_with('*') { "" } else { " " };
        let all = std::iter::once("const ioaio *aio").chain(args.iter().copied()).map(String::from);
        wrapped(out, &format!("{ret}{space}{name}("), &all.collect::<Vec<_>>(), ");");
    }
}

fn args(out: &mut String) {
    out.push_str(
        "\n/* The arguments of any request, for ioaio_submit. Begin with IOAIO_ARGS_INIT: later versions add fields\n \
         * at the end, and know by the size what a program does not know of. */\n",
    );
    out.push_str("typedef struct ioaio_args {\n");
    for (_, c, _, doc) in FIELDS {
        let _ = writeln!(out, "    /* {} */\n    {c};", doc.trim());
    }
    out.push_str("} ioaio_args;\n\n/* The arguments of no request. */\n");
    let none: Vec<String> = FIELDS.iter().map(|(_, _, none, _)| (*none).into()).collect();
    let mut init = String::new();
    wrapped(&mut init, "#define IOAIO_ARGS_INIT {", &none, "}");
    out.push_str(&init.trim_end().replace('\n', " \\\n"));
    out.push('\n');
}

fn requests(out: &mut String) {
    let mut lines: Vec<&Line> = table().collect();
    lines.sort_by_key(|line| line.code);
    let codes: Vec<String> = lines
        .iter()
        .map(|line| {
            let name = line.name.trim_start_matches("ioaio_").to_uppercase();
            format!("    IOAIO_OP_{name} = {}", line.code)
        })
        .collect();
    let _ = writeln!(out, "\nenum {{\n{}\n}};", codes.join(",\n"));
    for line in table() {
        comment(out, line.doc);
        let c =
            |field: &&str| FIELDS.iter().find(|f| f.0 == *field).map_or((*field).into(), |f| f.1.to_string());
        let mut words = vec!["const ioaio *aio".to_string()];
        words.extend(line.fields.iter().map(c));
        words.push("IOAIO_HOW".into());
        wrapped(out, &format!("const ioaio_req *{}(", line.name), &words, ");");
    }
}
