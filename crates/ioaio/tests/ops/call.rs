//! call.

use std::io;
use std::panic::resume_unwind;

use crate::common::each_route;

#[test]
fn a_function_of_the_callers_gives_its_result() {
    each_route(|t| {
        assert_eq!(t.get(t.call(|| Ok(7))).unwrap(), 7);
        let error = t.get(t.call(|| Err::<(), _>(io::Error::from_raw_os_error(5)))).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(5));
    });
}

#[test]
fn an_interrupted_function_is_called_again() {
    each_route(|t| {
        let mut calls = 0;
        let again = move || {
            calls += 1;
            if calls < 3 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(calls) }
        };
        assert_eq!(t.get(t.call(again)).unwrap(), 3);
    });
}

#[test]
fn a_panic_is_an_error() {
    each_route(|t| {
        let error =
            t.get(t.call(|| -> io::Result<()> { resume_unwind(Box::new("on purpose")) })).unwrap_err();
        assert_eq!(error.raw_os_error(), None);
        t.get(t.nop()).unwrap();
    });
}
