//! A file system for tests: it forgets on a power failure whatever was not flushed, page by page and name by name, and
//! fails when it is told to.
//!
//! A flush of a file makes its content durable, not its name; a flush of a directory makes names durable, not contents.
//! Of what was not flushed, a power failure keeps any pages and any names, whatever was written first.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::files::parent;
use super::{FileHandle, Files};

/// What becomes of what was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    /// The process dies, the machine goes on: nothing is lost that was written.
    Process,
    /// The power fails.
    Power,
}

/// A disk with files.
#[derive(Debug, Clone)]
pub(super) struct SimulatedFiles(Arc<Mutex<World>>);

#[derive(Debug)]
struct World {
    contents: BTreeMap<u64, Content>,
    next_content: u64,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    /// Changes of names since the last flush, by path: the content now under it, or none.
    unsynced_names: Vec<Vec<(PathBuf, Option<u64>)>>,
    page_bytes: usize,
    rng: ChaCha8Rng,
    /// Changing operations so far.
    operations: u64,
    /// This operation fails, and later ones only if the power is gone with it.
    failing: Option<(u64, bool)>,
    /// Operations after the failed one.
    after_failure: u64,
    /// Handles opened before the last crash are void.
    epoch: u64,
}

#[derive(Debug, Default, Clone)]
struct Content {
    cached: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl SimulatedFiles {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let page_bytes = [16, 64, 256, 4096][rng.random_range(0..4)];
        Self(Arc::new(Mutex::new(World {
            contents: BTreeMap::new(),
            next_content: 0,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            page_bytes,
            rng,
            operations: 0,
            failing: None,
            after_failure: 0,
            epoch: 0,
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changing operations so far.
    pub(super) fn operations(&self) -> u64 {
        self.world().operations
    }

    /// Makes the operation of this number fail, and all after it if `for_good`.
    pub(super) fn fail_at(&self, operation: u64, for_good: bool) {
        let mut world = self.world();
        world.failing = Some((operation, for_good));
        world.after_failure = 0;
    }

    /// How many changing operations were tried after the one that failed.
    pub(super) fn operations_after_failure(&self) -> u64 {
        self.world().after_failure
    }

    /// Ends whatever had files open, and forgets what such an end makes one forget.
    pub(super) fn crash(&self, crash: Crash) {
        let mut world = self.world();
        world.epoch += 1;
        world.failing = None;
        if crash == Crash::Power {
            world.lose_power();
        }
    }

    /// The names of all files.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.world().names.keys().cloned().collect()
    }

    /// Changes a file behind everybody's back, as rot does.
    pub(super) fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut world = self.world();
        let content = world.names[path];
        if let Some(content) = world.contents.get_mut(&content) {
            change(&mut content.cached);
            content.durable = content.cached.clone();
            content.dirty.clear();
        }
    }

    /// Gives the contents of two names to each other, or, where the second is none, the content of one to a new name.
    pub(super) fn exchange(&self, one: &Path, other: &Path) {
        let mut world = self.world();
        let first = world.names[one];
        if let Some(second) = world.names.insert(other.to_owned(), first) {
            world.names.insert(one.to_owned(), second);
        }
    }

    /// Removes a name behind everybody's back.
    pub(super) fn forget(&self, path: &Path) {
        self.world().names.remove(path);
    }
}

impl World {
    /// Counts a changing operation; fails if this is the one, or the power is gone.
    fn operate(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.failing {
            Some((operation, _)) if self.operations == operation => Err(io::Error::other("the disk failed")),
            Some((operation, for_good)) if self.operations > operation => {
                self.after_failure += 1;
                if for_good { Err(io::Error::other("the power is gone")) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn content(&mut self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn change_names(&mut self, changes: Vec<(PathBuf, Option<u64>)>) {
        put(&mut self.names, &changes);
        self.unsynced_names.push(changes);
    }

    fn write(&mut self, content: u64, bytes: &[u8], offset: usize) {
        let page_bytes = self.page_bytes;
        let Some(content) = self.contents.get_mut(&content) else { return };
        let end = offset + bytes.len();
        if content.cached.len() < end {
            content.cached.resize(end, 0);
        }
        content.cached[offset..end].copy_from_slice(bytes);
        if !bytes.is_empty() {
            content.dirty.extend(offset / page_bytes..=(end - 1) / page_bytes);
        }
        // Now and then the kernel writes a page before it is asked to.
        if self.rng.random_bool(0.1) {
            let page = content.dirty.iter().nth(self.rng.random_range(0..content.dirty.len().max(1))).copied();
            page.into_iter().for_each(|page| content.keep(page, page_bytes));
        }
    }

    fn lose_power(&mut self) {
        let keep_names = [0.0, 0.5, 1.0][self.rng.random_range(0..3)];
        for changes in std::mem::take(&mut self.unsynced_names) {
            if self.rng.random_bool(keep_names) {
                put(&mut self.durable_names, &changes);
            }
        }
        self.names = self.durable_names.clone();
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.contents.retain(|content, _| named.contains(content));
        let keep_pages = [0.0, 0.1, 0.5, 0.9, 1.0][self.rng.random_range(0..5)];
        for content in self.contents.values_mut() {
            for page in std::mem::take(&mut content.dirty) {
                if self.rng.random_bool(keep_pages) {
                    content.keep(page, self.page_bytes);
                }
            }
            // The length is kept or not, whatever became of the pages.
            if content.durable.len() < content.cached.len() && self.rng.random_bool(0.5) {
                content.durable.resize(content.cached.len(), 0);
            }
            content.cached = content.durable.clone();
        }
    }
}

impl Content {
    /// Makes a page durable.
    fn keep(&mut self, page: usize, page_bytes: usize) {
        let start = page * page_bytes;
        let end = (start + page_bytes).min(self.cached.len());
        if start < end {
            if self.durable.len() < end {
                self.durable.resize(end, 0);
            }
            self.durable[start..end].copy_from_slice(&self.cached[start..end]);
        }
    }
}

fn put(names: &mut BTreeMap<PathBuf, u64>, changes: &[(PathBuf, Option<u64>)]) {
    for (path, content) in changes {
        match content {
            Some(content) => drop(names.insert(path.clone(), *content)),
            None => drop(names.remove(path)),
        }
    }
}

impl Files for SimulatedFiles {
    fn create_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let world = self.world();
        let names = world.names.keys().filter(|path| parent(path) == directory);
        Ok(names.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        let mut world = self.world();
        world.operate()?;
        let content = world.next_content;
        world.next_content += 1;
        world.contents.insert(content, Content::default());
        world.change_names(vec![(path.to_owned(), Some(content))]);
        Ok(Box::new(SimulatedFile { world: self.clone(), content, epoch: world.epoch }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        let mut world = self.world();
        let content = world.content(path)?;
        Ok(Box::new(SimulatedFile { world: self.clone(), content, epoch: world.epoch }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.operate()?;
        let content = world.content(from)?;
        world.change_names(vec![(from.to_owned(), None), (to.to_owned(), Some(content))]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.operate()?;
        world.content(path)?;
        world.change_names(vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.operate()?;
        let unsynced = std::mem::take(&mut world.unsynced_names);
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            unsynced.into_iter().partition(|changes| changes.iter().any(|(path, _)| parent(path) == directory));
        here.iter().for_each(|changes| put(&mut world.durable_names, changes));
        world.unsynced_names = elsewhere;
        Ok(())
    }
}

/// An open file of a [`SimulatedFiles`].
#[derive(Debug)]
struct SimulatedFile {
    world: SimulatedFiles,
    content: u64,
    epoch: u64,
}

impl SimulatedFile {
    /// The world, if this handle is still good there.
    fn world(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = self.world.world();
        if world.epoch == self.epoch { Ok(world) } else { Err(io::Error::other("opened before the crash")) }
    }
}

impl FileHandle for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.world()?.contents[&self.content].cached.len() as u64)
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        let mut world = self.world()?;
        world.operate()?;
        let page_bytes = world.page_bytes;
        if let Some(content) = world.contents.get_mut(&self.content) {
            let (before, after) = (content.cached.len(), bytes as usize);
            content.cached.resize(after, 0);
            content.dirty.extend(before.min(after) / page_bytes..=before.max(after) / page_bytes);
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.world()?;
        let rest = world.contents[&self.content].cached.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.world()?;
        match world.operate() {
            Ok(()) => world.write(self.content, bytes, offset as usize),
            Err(error) => {
                // Some of it may have been written before.
                let written = world.rng.random_range(0..=bytes.len());
                world.write(self.content, &bytes[..written], offset as usize);
                return Err(error);
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world()?;
        world.operate()?;
        let page_bytes = world.page_bytes;
        if let Some(content) = world.contents.get_mut(&self.content) {
            if content.durable.len() > content.cached.len() || content.dirty.is_empty() {
                content.durable = content.cached.clone();
            } else {
                content.durable.resize(content.cached.len(), 0);
                for page in std::mem::take(&mut content.dirty) {
                    content.keep(page, page_bytes);
                }
            }
            content.dirty.clear();
        }
        Ok(())
    }
}
