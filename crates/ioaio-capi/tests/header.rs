//! The committed header is the one that the tables make.

#[test]
fn the_header_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/include/ioaio.h");
    let text = ioaio::header::text();
    if std::env::var_os("IOAIO_WRITE_HEADER").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "{path} is stale: run this test with IOAIO_WRITE_HEADER=1");
}
