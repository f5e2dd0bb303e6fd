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

#[test]
fn each_route_is_the_one_of_its_name() {
    each_route(|t| {
        t.get(t.nop()).unwrap();
        let stats = t.stats();
        let expected = match t.route {
            "default" | "forked child" => (1, 0, 0),
            "ring only" => (0, 1, 0),
            "inline off" | "pool only" | "pool of one" | "no threads" => (0, 0, 1),
            other => panic!("an unknown route: {other}"),
        };
        assert_eq!((stats.inline, stats.ring, stats.pool), expected);
        assert_eq!(stats.threads > 0, expected.2 > 0 && t.route != "no threads");
    });
}
