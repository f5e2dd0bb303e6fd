//! What an engine is made with.

use std::time::Duration;

use crate::Faults;

/// The limits and switches; see [`Builder`](crate::Builder) for what each means.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) inline: bool,
    pub(crate) ring: bool,
    pub(crate) pool: bool,
    pub(crate) ring_in_flight: u32,
    pub(crate) min_parallel: usize,
    pub(crate) max_parallel: usize,
    pub(crate) max_idle: usize,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_outstanding: usize,
    pub(crate) max_poll_reqs: usize,
    pub(crate) max_poll_time: Option<Duration>,
    pub(crate) faults: Option<Faults>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            inline: true,
            ring: true,
            pool: true,
            ring_in_flight: 256,
            min_parallel: 0,
            max_parallel: 16,
            max_idle: 4,
            idle_timeout: Duration::from_secs(10),
            max_outstanding: usize::MAX,
            max_poll_reqs: usize::MAX,
            max_poll_time: None,
            faults: None,
        }
    }
}
