//! A function of the caller's, on a worker.

use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::request::op::Op;
use crate::{Aio, Request};

/// A call of the caller's function; see [`Aio::call`].
pub struct Call<F, T> {
    call: F,
    result: PhantomData<fn() -> T>,
}

impl<F, T> Op for Call<F, T>
where
    F: FnMut() -> io::Result<T> + Send + 'static,
    T: Send + 'static,
{
    type Val = T;
    type Out = io::Result<T>;
    const NAME: &'static str = "call";
    fn run(&mut self) -> io::Result<T> {
        catch_unwind(AssertUnwindSafe(&mut self.call))
            .unwrap_or_else(|_| Err(io::Error::other("the function panicked")))
    }
    fn finish(self, res: io::Result<T>) -> Self::Out {
        res
    }
}

impl Aio {
    /// Calls a function that may block on a worker: for what has no request of its own.
    ///
    /// It is called again when it fails with EINTR. Where the pool is off, [`poll`](Self::poll) calls it, or the
    /// thread that completes futures.
    ///
    /// # Errors
    /// Those of the function, and one without errno if it panics.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let users = aio.call(|| std::fs::read_to_string("/etc/passwd")).wait()?;
    /// assert!(users.contains("root"));
    /// # Ok(()) }
    /// ```
    pub fn call<T, F>(&self, function: F) -> Request<'_, Call<F, T>>
    where
        F: FnMut() -> io::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        Request::new(self, Call { call: function, result: PhantomData })
    }
}
