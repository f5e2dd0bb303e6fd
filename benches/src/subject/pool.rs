//! A plain thread pool, as good as one gets with one lock: requests are pushed in batches, only idle threads are
//! woken, a worker takes its next job under the same lock under which it hands back the last one.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use super::Subject;
use crate::run::{Run, Sample};
use crate::work::{Files, Page, Reads};

/// A request in flight has its own buffer, as in every other subject; it comes back when the request is done.
struct Job {
    index: usize,
    page: Box<Page>,
    result: io::Result<()>,
}

/// What is done for each job of a sample.
type Task = Arc<dyn Fn(usize, &mut Page) -> io::Result<()> + Send + Sync>;

#[derive(Default)]
struct State {
    task: Option<Task>,
    /// Changes with `task`, so that workers clone it once a sample only.
    generation: usize,
    queue: VecDeque<Job>,
    done: Vec<Job>,
    /// Pushed and not yet taken back.
    in_flight: usize,
    /// Workers asleep.
    idle: usize,
    /// The submitter sleeps until so many are done.
    wanted: usize,
    stop: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
}

/// When the submitter wants to be woken.
#[derive(Clone, Copy)]
enum Wake {
    /// By the first that is done: else a device's queue runs empty.
    First,
    /// When half of what is in flight is done: workers that find their answers in the caches are slowed down by
    /// a submitter that wakes for each, on the same cores.
    Half,
}

pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    pub fn new(size: usize) -> io::Result<Pool> {
        let mut pool = Pool { shared: Arc::default(), threads: Vec::new() };
        for _ in 0..size {
            let shared = pool.shared.clone();
            pool.threads.push(std::thread::Builder::new().spawn(move || shared.serve())?);
        }
        Ok(pool)
    }

    fn run<W>(&mut self, run: &Run<W>, wake: Wake, task: Task) -> io::Result<Sample> {
        let mut state = self.shared.state.lock().unwrap();
        state.generation += 1;
        state.task = Some(task);
        drop(state);
        let mut free: Vec<Job> =
            (0..run.depth).map(|_| Job { index: 0, page: Page::boxed(), result: Ok(()) }).collect();
        run.measure(|cursor| {
            loop {
                let batch = free.drain(..).map_while(|mut job| {
                    job.index = cursor.next()?;
                    Some(job)
                });
                let batch: Vec<Job> = batch.collect();
                if !self.shared.exchange(batch, &mut free, wake) {
                    return Ok(());
                }
                for job in &mut free {
                    std::mem::replace(&mut job.result, Ok(()))?;
                }
            }
        })
    }
}

impl Shared {
    /// Pushes a batch and waits for `wake`. Returns false when nothing is in flight any more.
    fn exchange(&self, batch: Vec<Job>, finished: &mut Vec<Job>, wake: Wake) -> bool {
        let pushed = batch.len();
        let mut state = self.state.lock().unwrap();
        state.in_flight += pushed;
        state.queue.extend(batch);
        if state.in_flight == 0 {
            return false;
        }
        let sleepers = state.idle.min(pushed);
        if sleepers > 0 {
            drop(state); // who is woken needs the lock at once
            (0..sleepers).for_each(|_| self.work.notify_one());
            state = self.state.lock().unwrap();
        }
        state.wanted = match wake {
            Wake::First => 1,
            Wake::Half => state.in_flight.div_ceil(2),
        };
        while state.done.len() < state.wanted {
            state = self.done.wait(state).unwrap();
        }
        state.wanted = 0;
        state.in_flight -= state.done.len();
        finished.append(&mut state.done);
        true
    }

    /// The life of a worker.
    fn serve(&self) {
        let (mut task, mut generation): (Option<Task>, usize) = (None, 0);
        let mut state = self.state.lock().unwrap();
        while !state.stop {
            let Some(mut job) = state.queue.pop_front() else {
                state.idle += 1;
                state = self.work.wait(state).unwrap();
                state.idle -= 1;
                continue;
            };
            if generation != state.generation {
                (task, generation) = (state.task.clone(), state.generation);
            }
            drop(state);
            if let Some(task) = &task {
                job.result = task(job.index, &mut job.page);
            }
            state = self.state.lock().unwrap();
            state.done.push(job);
            if state.done.len() == state.wanted {
                self.done.notify_one();
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().stop = true;
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Subject for Pool {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let work = run.work.clone();
        let wake = if work.file.direct { Wake::First } else { Wake::Half };
        self.run(run, wake, Arc::new(move |index, page| work.pread(index, page)))
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let work = run.work.clone();
        self.run(run, Wake::Half, Arc::new(move |index, _| work.statx(index)))
    }

    fn load(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let work = run.work.clone();
        self.run(run, Wake::Half, Arc::new(move |index, page| work.load(index, page)))
    }
}
