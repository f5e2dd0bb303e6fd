//! Faults on purpose, so that programs can test what they do about errors.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A plan of which requests fail, are delayed or come back short; see
/// [`Builder::faults`](crate::Builder::faults).
///
/// The plan is asked once for each request, by the request's name, and once for each system call
/// inside a composite. The same seed and the same order of questions give the same answers.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let plan = ioaio::Faults::new(1).fail("stat", 5, 1000); // every stat ends with EIO
/// let aio = ioaio::Aio::builder().faults(plan.clone()).build()?;
/// assert_eq!(aio.stat("/").wait().unwrap_err().raw_os_error(), Some(5));
/// assert_eq!(plan.asked(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug)]
struct Plan {
    random: u64,
    asked: u64,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    /// Every call, if empty.
    call: String,
    when: When,
    fault: Fault,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Nth(u64),
    PerThousand(u16),
}

/// What is to happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Fail(i32),
    Delay(Duration),
    Short,
}

impl Faults {
    /// A plan without faults. `seed` decides all that is left to chance.
    pub fn new(seed: u64) -> Self {
        Faults(Arc::new(Mutex::new(Plan { random: seed | 1, asked: 0, rules: Vec::new() })))
    }
    /// Lets calls of this name fail with `errno`; an empty name means every call.
    #[must_use]
    pub fn fail(self, call: &str, errno: i32, per_thousand: u16) -> Self {
        self.rule(call, When::PerThousand(per_thousand), Fault::Fail(errno))
    }
    /// Lets exactly the `n`th question, from 0, be answered with `errno`.
    #[must_use]
    pub fn fail_nth(self, n: u64, errno: i32) -> Self {
        self.rule("", When::Nth(n), Fault::Fail(errno))
    }
    /// Lets requests sleep on a worker first, which also changes their order.
    #[must_use]
    pub fn delay(self, call: &str, time: Duration, per_thousand: u16) -> Self {
        self.rule(call, When::PerThousand(per_thousand), Fault::Delay(time))
    }
    /// Lets reads and writes ask for only a part.
    #[must_use]
    pub fn shorten(self, call: &str, per_thousand: u16) -> Self {
        self.rule(call, When::PerThousand(per_thousand), Fault::Short)
    }
    /// How many questions have been asked.
    pub fn asked(&self) -> u64 {
        self.lock().asked
    }
    fn rule(self, call: &str, when: When, fault: Fault) -> Self {
        self.lock().rules.push(Rule { call: call.into(), when, fault });
        self
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.0.lock().expect("no code panics under the plan's lock")
    }
    pub(crate) fn ask(&self, call: &str) -> Option<Fault> {
        let mut plan = self.lock();
        let number = plan.asked;
        plan.asked += 1;
        let rules = std::mem::take(&mut plan.rules);
        let hit =
            rules.iter().filter(|rule| rule.call.is_empty() || rule.call == call).find(|rule| {
                match rule.when {
                    When::Nth(n) => n == number,
                    When::PerThousand(p) => plan.next() % 1000 < u64::from(p),
                }
            });
        let fault = hit.map(|rule| rule.fault);
        plan.rules = rules;
        fault
    }
    /// The errno that a step of a composite is to end with. Delays happen here and now.
    pub(crate) fn step(&self, call: &str) -> io::Result<()> {
        match self.ask(call) {
            Some(Fault::Fail(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::Delay(time)) => {
                std::thread::sleep(time);
                Ok(())
            }
            Some(Fault::Short) | None => Ok(()),
        }
    }
}

impl Plan {
    /// Marsaglia's xorshift64.
    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}
