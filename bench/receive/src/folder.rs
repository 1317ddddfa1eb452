//! A folder that goes when it is dropped.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("sealpost-bench-receive-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
