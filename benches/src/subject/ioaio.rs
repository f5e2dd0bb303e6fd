//! ioaio itself with its default limits: by callbacks that submit the next request, and by futures.

use std::io;
use std::sync::{Arc, Mutex};

use ::ioaio::{Aio, AlignedBuf, File, OFlags};
use futures::stream::{FuturesUnordered, TryStreamExt};

use super::Subject;
use crate::fixture::BlockFile;
use crate::run::{Cursor, Run, Sample};
use crate::work::{BLOCK, Files, Nops, Reads};

fn buffer() -> AlignedBuf {
    AlignedBuf::new(BLOCK, BLOCK)
}

fn open(aio: &Aio, file: &BlockFile) -> io::Result<File> {
    aio.open(&file.path).flags(OFlags::from_bits_retain(file.flags() as u32)).wait()
}

/// A chain of callbacks for each request in flight.
pub struct Callbacks {
    aio: Aio,
}

/// What the callbacks of one sample share.
struct Chains<W> {
    aio: Aio,
    work: Arc<W>,
    file: Option<File>,
    cursor: Arc<Cursor>,
    error: Mutex<Option<io::Error>>,
}

impl<W> Chains<W> {
    /// The number of the next operation, unless the last one has failed.
    fn next(&self, last: io::Result<()>) -> Option<usize> {
        match last {
            Ok(()) => self.cursor.next(),
            Err(error) => {
                self.error.lock().unwrap().get_or_insert(error);
                None
            }
        }
    }
}

impl Callbacks {
    pub fn new() -> io::Result<Callbacks> {
        Ok(Callbacks { aio: Aio::new()? })
    }

    fn run<W>(
        &self,
        run: &Run<W>,
        file: Option<File>,
        step: fn(Arc<Chains<W>>, AlignedBuf, io::Result<()>),
    ) -> io::Result<Sample> {
        let buffers: Vec<_> = (0..run.depth).map(|_| buffer()).collect();
        run.measure(|cursor| {
            let (aio, work, error) = (self.aio.clone(), run.work.clone(), Mutex::new(None));
            let chains = Arc::new(Chains { aio, work, file, cursor, error });
            for buffer in buffers {
                step(chains.clone(), buffer, Ok(()));
            }
            self.aio.flush()?;
            chains.error.lock().unwrap().take().map_or(Ok(()), Err)
        })
    }
}

fn read(chains: Arc<Chains<Reads>>, buffer: AlignedBuf, last: io::Result<()>) {
    let (Some(index), Some(file)) = (chains.next(last), &chains.file) else { return };
    let request = chains.aio.read_at(file, buffer, chains.work.offsets[index]);
    let own = chains.clone();
    request.then(move |(len, buffer)| {
        let checked = len.and_then(|len| own.work.check(index, len, &buffer));
        read(own, buffer, checked);
    });
}

#[expect(clippy::only_used_in_recursion, reason = "the same shape as the others")]
fn stat(chains: Arc<Chains<Files>>, buffer: AlignedBuf, last: io::Result<()>) {
    let Some(index) = chains.next(last) else { return };
    let own = chains.clone();
    chains.aio.stat(chains.work.path(index)).then(move |found| {
        let checked = found.and_then(|found| own.work.check_stat(index, found.mode(), found.len()));
        stat(own, buffer, checked);
    });
}

fn load(chains: Arc<Chains<Files>>, buffer: AlignedBuf, last: io::Result<()>) {
    let Some(index) = chains.next(last) else { return };
    let own = chains.clone();
    chains.aio.open(chains.work.path(index)).then(move |file| match file {
        Err(error) => load(own, buffer, Err(error)),
        Ok(file) => {
            let request = own.aio.clone();
            request.read_at(&file, buffer, 0).then(move |(len, buffer)| {
                let checked = len.and_then(|len| own.work.check_content(index, len, &buffer));
                let request = own.aio.clone();
                request.close(file).then(move |closed| load(own, buffer, checked.and(closed)));
            });
        }
    });
}

#[expect(clippy::only_used_in_recursion, reason = "the same shape as the others")]
fn whole(chains: Arc<Chains<Files>>, buffer: AlignedBuf, last: io::Result<()>) {
    let Some(index) = chains.next(last) else { return };
    let own = chains.clone();
    chains.aio.load(chains.work.path(index)).then(move |data| {
        let checked =
            data.map_err(io::Error::from).and_then(|data| own.work.check_content(index, data.len(), &data));
        whole(own, buffer, checked);
    });
}

#[expect(clippy::only_used_in_recursion, reason = "the same shape as the others")]
fn nop(chains: Arc<Chains<Nops>>, buffer: AlignedBuf, last: io::Result<()>) {
    let Some(_) = chains.next(last) else { return };
    let own = chains.clone();
    chains.aio.nop().then(move |done| nop(own, buffer, done));
}

impl Subject for Callbacks {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let file = open(&self.aio, &run.work.file)?;
        self.run(run, Some(file), read)
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        self.run(run, None, stat)
    }

    fn load(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        self.run(run, None, load)
    }

    fn whole(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        self.run(run, None, whole)
    }

    fn nop(&mut self, run: &Run<Nops>) -> io::Result<Sample> {
        self.run(run, None, nop)
    }
}

/// A future for each request in flight, run by `Aio::block_on`.
pub struct Futures {
    aio: Aio,
}

impl Futures {
    pub fn new() -> io::Result<Futures> {
        Ok(Futures { aio: Aio::new()? })
    }

    fn run<'a, W, F>(
        &self,
        run: &Run<W>,
        task: impl Fn(Arc<Cursor>, AlignedBuf) -> F + 'a,
    ) -> io::Result<Sample>
    where
        F: Future<Output = io::Result<()>> + 'a,
    {
        let buffers: Vec<_> = (0..run.depth).map(|_| buffer()).collect();
        run.measure(|cursor| {
            let tasks = buffers.into_iter().map(|buffer| task(cursor.clone(), buffer));
            if run.depth == 1 {
                return tasks.into_iter().try_for_each(|task| self.aio.block_on(task));
            }
            self.aio.block_on(tasks.collect::<FuturesUnordered<_>>().try_collect())
        })
    }
}

impl Subject for Futures {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let (aio, work) = (&self.aio, &run.work);
        let file = &open(aio, &work.file)?;
        self.run(run, |cursor, mut buffer| async move {
            while let Some(index) = cursor.next() {
                let (len, back) = aio.read_at(file, buffer, work.offsets[index]).await;
                work.check(index, len?, &back)?;
                buffer = back;
            }
            Ok(())
        })
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let (aio, work) = (&self.aio, &run.work);
        self.run(run, |cursor, _| async move {
            while let Some(index) = cursor.next() {
                let stat = aio.stat(work.path(index)).await?;
                work.check_stat(index, stat.mode(), stat.len())?;
            }
            Ok(())
        })
    }

    fn load(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let (aio, work) = (&self.aio, &run.work);
        self.run(run, |cursor, mut buffer| async move {
            while let Some(index) = cursor.next() {
                let file = aio.open(work.path(index)).await?;
                let (len, back) = aio.read_at(&file, buffer, 0).await;
                aio.close(file).await?;
                work.check_content(index, len?, &back)?;
                buffer = back;
            }
            Ok(())
        })
    }

    fn whole(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let (aio, work) = (&self.aio, &run.work);
        self.run(run, |cursor, _| async move {
            while let Some(index) = cursor.next() {
                let data = aio.load(work.path(index)).await?;
                work.check_content(index, data.len(), &data)?;
            }
            Ok(())
        })
    }

    fn nop(&mut self, run: &Run<Nops>) -> io::Result<Sample> {
        let aio = &self.aio;
        self.run(run, |cursor, _| async move {
            while cursor.next().is_some() {
                aio.nop().await?;
            }
            Ok(())
        })
    }
}
