//! Why a call to the store failed.

use std::{error::Error, fmt, io, sync::Arc};

use rusqlite::{ErrorCode, ffi};

/// Why something could not be stored or read. The text fits after "failed to ".
///
/// Whatever it says, what was stored before is untouched, and what the caller holds in memory
/// still applies.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk is full. Nothing of this command was stored; it may be repeated when there is room.
    #[error("write to the store: the disk is full")]
    Full {
        /// What SQLite says.
        source: Cause,
    },
    /// The file or its file system is read-only. Reading goes on.
    #[error("write to the store: it is read-only")]
    ReadOnly {
        /// What SQLite says.
        source: Cause,
    },
    /// Another process kept the file locked for longer than [`crate::Settings::patience`].
    #[error("use the store: another process keeps it locked")]
    Busy {
        /// What SQLite says.
        source: Cause,
    },
    /// The file is damaged, or no SQLite file at all. It needs a person: restore or remove it.
    #[error("use the store: the file is damaged or not a store")]
    Damaged {
        /// What SQLite says.
        source: Cause,
    },
    /// The file cannot be reached, or the disk fails. The command may be repeated.
    #[error("reach the store")]
    Unavailable {
        /// What SQLite or the system says.
        source: Cause,
    },
    /// A newer sealpost has written the file. Use that version; nothing was changed.
    #[error("open the store: its schema is {found}, this version knows up to {known}")]
    Newer {
        /// The number of the file's schema.
        found: i64,
        /// The newest that this version knows.
        known: i64,
    },
    /// The file is a database of another program. Nothing was changed.
    #[error("open the store: the file is the database of another program")]
    Foreign,
    /// The value breaks a bound of the table. Repeating the command will not help.
    #[error("store this: it breaks a rule of the table")]
    Refused {
        /// What SQLite says.
        source: Cause,
    },
    /// The store was closed, or a command made its thread panic.
    #[error("use the store: it is closed")]
    Closed,
}

/// The error underneath a [`StoreError`], for the log.
#[derive(Clone, Debug)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl StoreError {
    /// The error as a label of a metric: one lower-case word or two.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Full { .. } => "full",
            Self::ReadOnly { .. } => "read_only",
            Self::Busy { .. } => "busy",
            Self::Damaged { .. } => "damaged",
            Self::Unavailable { .. } => "unavailable",
            Self::Newer { .. } => "newer",
            Self::Foreign => "foreign",
            Self::Refused { .. } => "refused",
            Self::Closed => "closed",
        }
    }

    /// May the fault lie with the open file rather than with the command?
    pub(crate) fn concerns_file(&self) -> bool {
        matches!(self, Self::ReadOnly { .. } | Self::Damaged { .. } | Self::Unavailable { .. })
    }

    pub(crate) fn unavailable(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable { source: Cause(Arc::new(source)) }
    }

    pub(crate) fn damaged(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Damaged { source: Cause(Arc::new(source)) }
    }

    pub(crate) fn refused(reason: &'static str) -> Self {
        Self::Refused { source: Cause(Arc::new(io::Error::other(reason))) }
    }

    pub(crate) fn read_only(source: impl Error + Send + Sync + 'static) -> Self {
        Self::ReadOnly { source: Cause(Arc::new(source)) }
    }

    /// What hinders making the file.
    pub(crate) fn of_file(error: io::Error) -> Self {
        let kind = error.kind();
        let source = Cause(Arc::new(error));
        match kind {
            io::ErrorKind::StorageFull => Self::Full { source },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { source },
            _ => Self::Unavailable { source },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let codes = match &error {
            rusqlite::Error::SqliteFailure(codes, _) => *codes,
            // A column that does not hold what was stored there.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => {
                return Self::Damaged { source: Cause(Arc::new(error)) };
            }
            _ => return Self::Refused { source: Cause(Arc::new(error)) },
        };
        let source = Cause(Arc::new(error));
        match codes.code {
            ErrorCode::DiskFull => Self::Full { source },
            // The shared index beside the file could not be given its size.
            _ if codes.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Self::Full { source },
            ErrorCode::ReadOnly => Self::ReadOnly { source },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy { source },
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged { source },
            ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch => {
                Self::Refused { source }
            }
            _ => Self::Unavailable { source },
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
