//! nop, busy.

use std::time::Duration;

use crate::common::each_route;

#[test]
fn nop_and_busy_succeed() {
    each_route(|t| {
        t.get(t.nop()).unwrap();
        t.get(t.busy(Duration::ZERO)).unwrap();
        t.get(t.busy(Duration::from_micros(100))).unwrap();
    });
}
