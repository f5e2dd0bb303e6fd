//! What a caller holds: the engine's handle and builder, requests, groups, and what drives an engine.

pub(crate) mod aio;
pub(crate) mod block_on;
pub(crate) mod builder;
#[cfg(any(feature = "tokio", feature = "async-io"))]
pub(crate) mod drive;
pub(crate) mod future;
pub(crate) mod group;
pub(crate) mod registered;
pub(crate) mod request;
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub(crate) mod stream;
