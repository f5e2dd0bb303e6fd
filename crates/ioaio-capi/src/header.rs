//! `include/ioaio.h`, made from the tables.

use std::fmt::Write;

use crate::args::FIELDS;
use crate::engine_api::{FUNCTIONS, OPTIONS};
use crate::ops::TABLE;

const TOP: &str = include_str!("header_top.h");
const BOTTOM: &str = include_str!("header_bottom.h");

/// The header's text.
pub fn text() -> String {
    let mut out = TOP.to_string();
    options(&mut out);
    functions(&mut out);
    out += include_str!("header_requests.h");
    args(&mut out);
    requests(&mut out);
    out + BOTTOM
}

fn comment(out: &mut String, doc: &str) {
    let lines: Vec<&str> = doc.lines().map(str::trim).collect();
    let _ = writeln!(out, "\n/* {} */", lines.join("\n * "));
}

fn options(out: &mut String) {
    for (name, value, doc) in OPTIONS {
        let _ = writeln!(out, "#define {name} {value} /* {doc} */");
    }
}

fn functions(out: &mut String) {
    for (ret, name, args, doc) in FUNCTIONS {
        comment(out, doc);
        let more: String = args.iter().map(|arg| format!(", {arg}")).collect();
        let _ = writeln!(out, "{ret} {name}(const ioaio *aio{more});");
    }
}

fn args(out: &mut String) {
    out.push_str("\n/* The arguments of any request, for ioaio_submit. Begin with IOAIO_ARGS_INIT. */\n");
    out.push_str("typedef struct ioaio_args {\n");
    for (_, c, doc) in FIELDS {
        let _ = writeln!(out, "    {c}; /* {} */", doc.trim());
    }
    out.push_str("} ioaio_args;\n");
}

fn requests(out: &mut String) {
    out.push_str("\nenum {\n");
    for line in TABLE {
        let name = line.name.trim_start_matches("ioaio_").to_uppercase();
        let _ = writeln!(out, "    IOAIO_OP_{name} = {},", line.code);
    }
    out.push_str("};\n");
    for line in TABLE {
        comment(out, line.doc);
        let c = |field: &str| FIELDS.iter().find(|f| f.0 == field).map_or(field.into(), |f| f.1.to_string());
        let fields: String = line.fields.iter().map(|field| format!("{}, ", c(field))).collect();
        let _ = writeln!(out, "const ioaio_req *{}(const ioaio *aio, {fields}IOAIO_HOW);", line.name);
    }
}
